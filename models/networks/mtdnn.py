"""The Lightweight MTDNN family: several answers about a sequence of frames.

Every frame passes one backbone; a spatial and a temporal block look at the T
feature maps; their fusion feeds one head a task. Layers with no dependence
between frames stand inside `TimeDistributed`, so the network can be cut there.
Only standard Keras layers and ops are used: a saved model loads without custom
objects. Source: the public thesis project "Lightweight Multi-Task DNN".
"""

from dataclasses import dataclass, field
from typing import Literal

from keras import Input, Model, layers, ops

from edge.tasks import Task, kind_of
from edge_common import ConfigError
from edge_models.datasets import dataset, orl_motion, swimmers, utkface
from edge_models.networks import numbers
from edge_models.networks.backbones import build_backbone, see_luminance_only
from edge_models.sections import NetworkSection, TargetSection

_CHOICES = {
    "temporal_pool": ("global", "grid"), "temporal_kind": ("recurrent", "aligned"),
    "spatial_activation": ("linear", "relu", "relu6"),
}  # fmt: skip


@dataclass(frozen=True)
class MTDNNConfig:
    """What tells one member of the family from another.

    Attributes:
        backbone_end: the backbone's layer to stop at; empty: its last.
        backbone_width: share of its filters, of small-conv, and of efficientnet-lite0 with
            random weights.
        grey: look at the luminance of frames only (see `see_luminance_only`).
        window: T, frames looked at together.
        size: height and width of a frame, pixels.
        spatial_width: filters of the separable convolutions; 0: there is no spatial block.
        spatial_activation: after each separable convolution.
        spatial_dropout: share of the backbone's channels that training hides from
            the spatial block (few photos of a person: rely on many traits).
        temporal_pool: "global" averages each frame's map to C numbers (as the
            thesis does); "grid" keeps where things are: a 1x1 convolution to
            `grid_filters` channels, flattened.
        temporal_centre: take each feature's mean over the window away and
            normalise, so that what a face looks like does not drown how it moves.
        temporal_kind: "recurrent", an LSTM and attention (as in the thesis), for motion that may
            begin anywhere; "aligned", convolutions over time after which each frame of the
            window keeps weights of its own, for windows that span a whole clip.
        temporal_width: LSTM units, or filters of the first convolution and twice those of the second.
        attention_width: of the additive self attention.
        head_width: Dense units of each task's head.
    """

    tasks: tuple[Task, ...]
    name: str = "mtdnn"
    backbone: str = "efficientnet-lite0"
    weights: str | None = None
    backbone_end: str = ""
    backbone_width: float = 1.0
    grey: bool = False
    window: int = 15
    size: int = 100
    spatial_width: int = 256
    spatial_activation: Literal["linear", "relu", "relu6"] = "linear"
    spatial_dropout: float = 0.0
    temporal_pool: Literal["global", "grid"] = "global"
    grid_filters: int = 12
    temporal_centre: bool = False
    temporal_kind: Literal["recurrent", "aligned"] = "recurrent"
    temporal_width: int = 128
    attention_width: int = 32
    block_dropout: float = 0.3
    head_width: int = 256
    head_dropout: float = 0.5
    head_activation: dict[str, str] = field(default_factory=dict)  # task -> before its PReLU
    targets: dict[str, TargetSection] = field(default_factory=dict)  # task -> how it is learnt

    def __post_init__(self) -> None:
        for name in ("window", "temporal_width", "head_width", "grid_filters"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}: it must be 1 or more")
        if self.spatial_width < 0:
            raise ConfigError(f"spatial_width is {self.spatial_width}: it must be 0 or more")
        for name in ("spatial_dropout", "block_dropout", "head_dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}: it must be from 0 to below 1")
        for name, valid in _CHOICES.items():
            if getattr(self, name) not in valid:
                value = getattr(self, name)
                raise ConfigError(f"{name} is {value!r}: it must be {' or '.join(valid)}")
        if self.size < 32:
            raise ConfigError(f"size is {self.size}: a frame needs 32 pixels or more")
        if not self.tasks:
            raise ConfigError("the network has no task: name one or more")
        names = [task.name for task in self.tasks]
        for key in ("head_activation", "targets"):
            for task in getattr(self, key):
                if task not in names:
                    raise ConfigError(f"{key} of {task!r}: the tasks are {', '.join(names)}")


def mtdnn_swim() -> MTDNNConfig:
    """Swimmer recognition as in the thesis: 15 x 100 x 100, EfficientNet-B3."""
    return MTDNNConfig(
        tasks=(
            dataset.classification("reid", swimmers.PEOPLE),
            dataset.classification("action", swimmers.ACTIONS),
        ),
        name="mtdnn_swim", backbone="efficientnet-b3", spatial_width=512,
        temporal_width=256, head_width=1024, head_activation={"reid": "relu"},
    )  # fmt: skip


def mtdnn_face() -> MTDNNConfig:
    """Face attributes as in the thesis: 1 x 198 x 198, EfficientNet-B3."""
    return MTDNNConfig(
        tasks=utkface.TASKS, name="mtdnn_face", backbone="efficientnet-b3", window=1, size=198,
        spatial_width=512, temporal_width=256, head_width=512,
    )  # fmt: skip


def mtdnn_lite(
    tasks: tuple[Task, ...] | None = None,
    *,
    window: int = 15,
    size: int = 100,
    weights: str | None = "imagenet",
) -> MTDNNConfig:
    """The same blocks, narrower, on EfficientNet-Lite0, with a temporal grid.

    ReLU6 instead of swish and no squeeze-and-excitation, so it quantises well.
    """
    own = tuple(
        dataset.classification(name, labels) for name, labels in orl_motion.TASK_LABELS.items()
    )
    return MTDNNConfig(
        tasks=tasks or own, name="mtdnn_lite", weights=weights, grey=True, window=window, size=size,
        spatial_activation="relu", spatial_dropout=0.3, temporal_pool="grid", temporal_centre=True,
    )  # fmt: skip


def build_mtdnn(config: MTDNNConfig) -> Model:
    """Build the network.

    Returns:
        A model from float32 (N, T, size, size, 3) RGB 0..255 to
        {task: (N, classes) probabilities, or (N, 1) numbers in units of the
        task's scale}.

    Raises:
        ConfigError, ModelError, ClipError: see `build_backbone`.
    """
    window = Input((config.window, config.size, config.size, 3), name="window")
    backbone = build_backbone(
        config.backbone, config.size, config.weights,
        end=config.backbone_end, width=config.backbone_width,
    )  # fmt: skip
    if config.grey:
        see_luminance_only(backbone)
    maps = layers.TimeDistributed(backbone, name="backbone")(window)
    return Model(window, answers_to(maps, config), name=config.name)


def answers_to(maps, config: MTDNNConfig) -> dict:
    """Blocks and heads on the backbone's maps (N, T, h, w, C): {task: answer}."""
    fused = temporal_block(maps, config)
    if config.spatial_width:
        fused = layers.Concatenate(name="fusion")([spatial_block(maps, config), fused])
    fused = layers.Dropout(config.block_dropout, name="fusion_dropout")(fused)
    return {task.name: task_head(fused, task, config) for task in config.tasks}


def spatial_block(maps, config: MTDNNConfig):
    """What is in the window: (N, T, h, w, C) -> (N, spatial_width)."""
    x = ops.mean(maps, axis=1)
    if config.spatial_dropout:
        x = layers.SpatialDropout2D(config.spatial_dropout, name="spatial_map_dropout")(x)
    for number in (1, 2):
        name = f"spatial_conv{number}"
        x = layers.SeparableConv2D(
            config.spatial_width, 3, padding="same", activation=config.spatial_activation, name=name
        )(x)
        x = spatial_attention(x, f"spatial_attention{number}")
    x = layers.BatchNormalization(name="spatial_bn")(x)
    x = layers.GlobalAveragePooling2D(name="spatial_pool")(x)
    return layers.Dropout(config.block_dropout, name="spatial_dropout")(x)


def spatial_attention(x, name: str):
    """The spatial half of CBAM (S. Woo et al., 2018): weigh each place of the map."""
    summary = [ops.mean(x, axis=-1, keepdims=True), ops.max(x, axis=-1, keepdims=True)]
    summary = layers.Concatenate(name=f"{name}_summary")(summary)
    weight = layers.Conv2D(
        1, 3, padding="same", activation="sigmoid", use_bias=False, name=f"{name}_weight"
    )(summary)
    return layers.Multiply(name=name)([x, weight])


def temporal_block(maps, config: MTDNNConfig):
    """How it changes: (N, T, h, w, C) -> (N, features), 2 * temporal_width of a recurrent one."""
    x = frame_summary(maps, config)
    if config.temporal_centre:
        x = ops.subtract(x, ops.mean(x, axis=1, keepdims=True))
        x = layers.BatchNormalization(name="temporal_bn")(x)
    if config.temporal_kind == "aligned":
        return aligned(x, config)
    x = layers.LSTM(config.temporal_width, return_sequences=True, name="temporal_lstm")(x)
    x = additive_self_attention(x, config.attention_width, "temporal_attention")
    x = layers.Concatenate(name="temporal_pool")(
        [
            layers.GlobalAveragePooling1D(name="temporal_mean")(x),
            layers.GlobalMaxPooling1D(name="temporal_max")(x),
        ]
    )
    return layers.Dropout(config.block_dropout, name="temporal_dropout")(x)


def aligned(x, config: MTDNNConfig):
    """Convolutions over time, then all frames side by side: (N, T, C) -> (N, T * width / 2)."""
    width = config.temporal_width
    x = layers.Dropout(config.block_dropout, name="temporal_feature_dropout")(x)
    for number, (filters, kernel) in enumerate(((width, 3), (max(1, width // 2), 1)), 1):
        name = f"temporal_conv{number}"
        x = layers.Conv1D(filters, kernel, padding="same", use_bias=False, name=name)(x)
        x = layers.BatchNormalization(name=f"{name}_bn")(x)
        x = layers.ReLU(6.0, name=f"{name}_relu")(x)
        x = layers.Dropout(config.block_dropout, name=f"{name}_dropout")(x)
    return layers.Flatten(name="temporal_flat")(x)


def frame_summary(maps, config: MTDNNConfig):
    """Each frame's map as a vector, frame by frame: (N, T, h, w, C) -> (N, T, features)."""
    if config.temporal_pool == "global":
        pool = layers.GlobalAveragePooling2D(name="frame_pool")
        return layers.TimeDistributed(pool, name="frame_summary")(maps)
    project = layers.Conv2D(config.grid_filters, 1, name="grid_conv")
    grid = layers.TimeDistributed(project, name="frame_grid")(maps)
    return layers.TimeDistributed(layers.Flatten(name="grid_flat"), name="frame_summary")(grid)


def additive_self_attention(x, width: int, name: str):
    """Additive self attention over time: (N, T, C) -> (N, T, C).

    score(t, s) = sigmoid(W_a tanh(x_t W_t + x_s W_x + b_h) + b_a), softmax over s
    (after D. Bahdanau et al., 2015).
    """
    length = x.shape[1]
    query = layers.Dense(width, name=f"{name}_query")(x)  # holds b_h
    key = layers.Dense(width, use_bias=False, name=f"{name}_key")(x)
    query = layers.Reshape((length, 1, width), name=f"{name}_rows")(query)
    key = layers.Reshape((1, length, width), name=f"{name}_columns")(key)
    pairs = layers.Add(name=f"{name}_pairs")([query, key])
    pairs = layers.Activation("tanh", name=f"{name}_tanh")(pairs)
    score = layers.Dense(1, activation="sigmoid", name=f"{name}_score")(pairs)
    score = layers.Reshape((length, length), name=f"{name}_square")(score)
    weight = layers.Softmax(axis=-1, name=f"{name}_softmax")(score)
    return layers.Dot(axes=(2, 1), name=name)([weight, x])


def task_head(fused, task: Task, config: MTDNNConfig):
    """Dense, PReLU, BatchNorm, dropout, answer; the last layer bears the task's name."""
    before = config.head_activation.get(task.name, "linear")
    x = layers.Dense(config.head_width, activation=before, name=f"{task.name}_dense")(fused)
    x = layers.PReLU(name=f"{task.name}_prelu")(x)
    x = layers.BatchNormalization(name=f"{task.name}_bn")(x)
    x = layers.Dropout(config.head_dropout, name=f"{task.name}_dropout")(x)
    if method := numbers.method_of(task, config.targets):
        return method.answer(x)
    kind = kind_of(task)
    return layers.Dense(kind.width, activation=kind.activation, name=task.name)(x)


def network_of(
    network: NetworkSection,
    tasks: tuple[Task, ...],
    name: str,
    targets: dict[str, TargetSection] | None = None,
) -> MTDNNConfig:
    """The network that a training file's [network] asks for, with a head for each task."""
    fields = dict(vars(network))
    weights = fields.pop("backbone_weights")
    return MTDNNConfig(
        tasks=tasks, name=name, weights=None if weights == "random" else weights,
        targets=targets or {}, **fields,
    )  # fmt: skip
