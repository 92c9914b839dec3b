"""The naive way: encode the whole window anew for every frame.

It shares no ring with `Stream`, so it serves as the oracle that a ring is held
against, and as the baseline that shows what the ring saves.
"""

from collections import deque

import numpy as np

from edge.bundle.archive import Bundle
from edge.stream import Preprocessor, StreamOptions, quantise


class WindowRerun:
    """A bundle that computes every window anew: its encoder runs T times for each decision.

    A bundle of one part gets its window of frames without a ring.
    """

    def __init__(
        self,
        bundle: Bundle,
        options: StreamOptions = StreamOptions(),
    ) -> None:
        manifest = bundle.manifest
        encoder, last = manifest.part("encoder"), manifest.last_part
        self.tasks = manifest.tasks
        self.encoder = options.load(bundle, encoder) if encoder else None
        self.head = options.load(bundle, last)
        self._written = encoder.outputs if encoder else ()
        self._read, self._answers = last.inputs, last.outputs
        self._preprocess = Preprocessor(manifest.input, manifest.parts[0].inputs[0])
        self._region = options.region
        self._window = manifest.window
        self._frames: deque[np.ndarray] = deque(maxlen=self._window)
        spec = manifest.input
        shapes = {t.name: t.shape[1:] for t in self._written}
        frame_shape = (spec.height, spec.width, spec.channels)
        self._windows = [
            np.empty((manifest.window, *shapes.get(t.name, frame_shape)), t.dtype)
            for t in last.inputs
        ]

    def push(self, pixels: np.ndarray) -> dict[str, np.ndarray] | None:
        """Take one frame (uint8 BGR); the float32 outputs of each task once T have come."""
        self._frames.append(pixels)
        if len(self._frames) < self._window:
            return None
        for slot, frame in enumerate(self._frames):
            self._encode(frame, slot)
        for index, window in enumerate(self._windows):
            np.copyto(self.head.input(index), window.reshape(self._read[index].shape))
        self.head.invoke()
        outputs = {
            t.name: quantise.dequantise(self.head.output(i)[0].ravel(), t)
            for i, t in enumerate(self._answers)
        }
        return {task.name: outputs[task.name] for task in self.tasks}

    def _encode(self, pixels: np.ndarray, slot: int) -> None:
        if self.encoder is None:
            self._preprocess(pixels, self._windows[0][slot], self._region)
            return
        self._preprocess(pixels, self.encoder.input()[0], self._region)
        self.encoder.invoke()
        names = [tensor.name for tensor in self._written]
        for window, tensor in zip(self._windows, self._read):
            index = names.index(tensor.name)
            quantise.transfer(
                self.encoder.output(index)[0], self._written[index], window[slot], tensor
            )
