"""A small network that takes a speed beside its frames, and a bundle of it."""

import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge.bundle import open_bundle
from edge.stream import Stream
from tests import tiny
from tests.edge.sources import web

GREY = np.full((240, 320, 3), 130, np.uint8)
RATE_HZ = 20.0
PRECISIONS = {"encoder_precision": "float32", "head_precision": "float32"}


def network() -> Any:
    """`speed` (2,) and `frames` (4, 32, 32, 3) -> `kind` (3 classes)."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    window = keras.Input((tiny.WINDOW, tiny.SIZE, tiny.SIZE, 3), name="frames")
    speed = keras.Input((2,), name="speed")
    x = layers.TimeDistributed(layers.Conv2D(8, 3, 2, activation="relu"))(
        layers.Rescaling(1 / 255)(window)
    )
    x = layers.GRU(8)(layers.TimeDistributed(layers.GlobalAveragePooling2D())(x))
    x = layers.Concatenate()([x, layers.Dense(8, activation="tanh")(speed)])
    return keras.Model([speed, window], layers.Dense(3, activation="softmax", name="kind")(x))


def clips() -> dict[str, np.ndarray]:
    """24 clips of 4 frames, what was given beside each, and labels."""
    speeds = np.random.default_rng(0).uniform(-1, 3, (24, 2)).astype(np.float32)
    return {"clips": tiny.labelled_clips(24)["clips"], "speed": speeds, "kind": np.arange(24) % 3}


def write_bundle(folder: Path) -> None:
    """`net.edge`, in float32."""
    from edge_convert.pipeline import Conversion
    from edge_convert.request import ConversionRequest

    model, data = folder / "net.keras", folder / "clips.npz"
    network().save(model)
    np.savez(data, **clips())
    given = (("speed", "m/s"),)
    request = ConversionRequest(
        model, folder / "net.edge", data, validation=data, given=given, **PRECISIONS
    )
    Conversion(request).run()


@contextlib.contextmanager
def grey_camera() -> Iterator[str]:
    """The address of one whose frames are alike, so that answers tell what was given beside them."""

    class Images(web.Handler):
        def do_GET(self) -> None:
            self.send_images(self.images())

        def images(self) -> Iterator[bytes]:
            while True:
                time.sleep(1 / RATE_HZ)  # none catches up
                yield cv2.imencode(".jpg", GREY)[1].tobytes()

    with web.serving(Images) as address:
        yield f"{address}/video.mjpg"


def answer_to_grey(path: Path, *numbers: float) -> dict[str, Any]:
    """What a bundle says of that camera's frames at a speed, as a JSON line has it."""
    bundle = open_bundle(path)
    stream = Stream(bundle, inputs={"speed": numbers})
    grey = cv2.imdecode(cv2.imencode(".jpg", GREY)[1], cv2.IMREAD_COLOR)
    decision = [stream.push(grey) for _ in range(bundle.manifest.window)][-1]
    assert decision
    tasks: dict[str, Any] = json.loads(json.dumps(decision.to_json()["tasks"]))
    return tasks
