"""The head of `activity`: what a body does, from the joints of a window; how it is trained."""

from typing import TYPE_CHECKING, Any

import numpy as np

from edge_common import console
from examples.activity.clips import LABELS, PoseWindows, joined, windows

if TYPE_CHECKING:
    import keras

FRAMES, RATE_HZ = 16, 10.0
_JOINTS, FEATURES = 17, 51  # of a frame: y of all joints, x of all, scores of all
_WIDTH = 64
_HIPS = [11, 12]
_CHUNK, _BATCH, _RATE = 2000, 512, 2e-3
# Added to the logits behind training: drawn bodies are oftener unclear, and fall oftener, than real
# ones. So much that nobody falls on OpenCV's pedestrians.
DOUBT = {"unclear": -1.0, "running": -2.0, "sitting": -2.0, "lying": -2.0, "falling": -4.0}


def head_model(frames: int = FRAMES) -> "keras.Model":
    """float32 (frames, 51), as the encoder gives it -> {activity: (7,), waving: (1,)}.

    It sees joints from the middle of the hips, how they move about their mean, and where in the
    crop they are; a window is what its frames have on average, and at most.
    """
    import keras
    from keras import layers

    joints = keras.Input((frames, FEATURES), name="joints")
    relative, in_crop = (_fixed(name, joints) for name in ("from_hips", "in_crop"))
    visible = layers.ReLU(1.0)(_fixed("visible", joints))
    moved = layers.Subtract()([relative, layers.GlobalAveragePooling1D(keepdims=True)(relative)])
    maps = layers.Concatenate()([relative, layers.Rescaling(5.0)(moved), in_crop, visible])
    for index, step in enumerate((1, 2, 1, 1)):
        layer = layers.Conv1D(
            _WIDTH, 3, step, padding="same", activation="relu", name=f"time_{index}"
        )
        maps = layer(maps)
    pools = [layers.GlobalAveragePooling1D()(maps), layers.GlobalMaxPooling1D()(maps)]
    summary = layers.Dropout(0.3)(layers.Concatenate()(pools))
    summary = layers.Dense(_WIDTH, activation="relu", name="summary")(summary)
    outputs = {
        "activity": layers.Dense(len(LABELS), activation="softmax", name="activity")(summary),
        "waving": layers.Dense(1, activation="sigmoid", name="waving")(summary),
    }
    return keras.Model(joints, outputs, name="head")


def _fixed(name: str, joints: Any) -> Any:
    """One of the ways to look at joints that nobody learns."""
    from keras import layers

    weights, bias = LOOKS[name]
    layer = layers.Dense(len(bias), trainable=False, name=name)
    result = layer(joints)
    layer.set_weights([weights, bias])
    return result


def _from_hips() -> np.ndarray:
    """(51, 34): four times the way of each joint from the middle of the hips."""
    weights = np.zeros((FEATURES, 2 * _JOINTS), np.float32)
    for axis in (slice(0, _JOINTS), slice(_JOINTS, 2 * _JOINTS)):
        block = 4 * np.eye(_JOINTS, dtype=np.float32)
        block[_HIPS, :] -= 2
        weights[axis, axis] = block
    return weights


# weights and bias; of scores only whether a joint is there at all, from 0.1 to 0.3: int8 and
# other cameras change them by more than they say
_EVERY, _NONE = np.eye(FEATURES, dtype=np.float32), np.zeros(2 * _JOINTS, np.float32)
LOOKS = {
    "from_hips": (_from_hips(), _NONE),
    "in_crop": (_EVERY[:, : 2 * _JOINTS], _NONE),
    "visible": (5 * _EVERY[:, 2 * _JOINTS :], np.full(_JOINTS, -0.5, np.float32)),
}


def draw(count: int, seed: int, frames: int = FRAMES) -> PoseWindows:
    """As many windows, the same for the same seed."""
    parts = list[PoseWindows]()
    with console.bar(count, "windows drawn") as on_window:
        for start in range(0, count, _CHUNK):
            random = np.random.default_rng([seed, start])
            parts.append(windows(random, min(_CHUNK, count - start), frames, RATE_HZ).compact())
            for _ in parts[-1].activity:
                on_window()
    return joined(parts)


def train(examples: PoseWindows, validation: PoseWindows, epochs: int, seed: int) -> "keras.Model":
    """Train a head, and make it doubt. The same seed gives the same head on one machine."""
    import keras

    keras.utils.set_random_seed(seed)
    model = head_model(examples.joints.shape[1])
    steps = len(examples.activity) // _BATCH * epochs
    schedule = keras.optimizers.schedules.CosineDecay(_RATE, steps)
    model.compile(
        keras.optimizers.AdamW(schedule, weight_decay=1e-4),
        loss={"activity": "sparse_categorical_crossentropy", "waving": "binary_crossentropy"},
        metrics={"activity": "accuracy", "waving": "accuracy"},
    )
    held_out = validation.features, _targets(validation)
    model.fit(
        examples.features, _targets(examples), batch_size=_BATCH, epochs=epochs, verbose=2,
        validation_data=held_out,
    )  # fmt: skip
    return with_doubt(model)


def recalls(model: "keras.Model", clips: PoseWindows) -> dict[str, float]:
    """Of the windows of each activity, the share that is said to be so."""
    decided = model.predict(clips.features, batch_size=_BATCH, verbose=0)["activity"].argmax(axis=1)
    right = decided == clips.activity
    return {name: float(right[clips.activity == i].mean()) for i, name in enumerate(LABELS)}


def _targets(clips: PoseWindows) -> dict[str, np.ndarray]:
    return {"activity": clips.activity, "waving": clips.waving.astype(np.float32)}


def with_doubt(model: "keras.Model") -> "keras.Model":
    """The same, the biases of its activities moved by DOUBT."""
    weights, bias = model.get_layer("activity").get_weights()
    shift = np.array([DOUBT.get(label, 0.0) for label in LABELS], np.float32)
    model.get_layer("activity").set_weights([weights, bias + shift])
    return model
