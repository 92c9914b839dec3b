"""A detector at work: one pass of its network over a frame, and what its outputs say."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from edge.bundle import AnchorBoxes, Bundle, CentreMaps, DetectionSpec, SsdBoxes
from edge.detector import anchors, centres, outputs, ssd
from edge.detector.boxes import Detections, in_frame, suppress
from edge.engine import Delegation, check_delegate_is_used
from edge.stream import Preprocessor, Region, StreamOptions
from edge_common import BundleError

if TYPE_CHECKING:
    from edge.emulated import Predicted

Decoder = Callable[[], tuple[np.ndarray, np.ndarray]]
DECODERS: dict[type, Callable[..., Decoder]] = {
    SsdBoxes: ssd.SsdDecoder,
    CentreMaps: centres.CentreDecoder,
    AnchorBoxes: anchors.AnchorDecoder,
}  # a new way is one file and one line here, and what a manifest says of it


def decoder_of(spec: DetectionSpec, written: outputs.Outputs) -> Decoder:
    """What makes boxes (n, 4) in pixels of the input, and scores (n,), of the newest outputs."""
    return DECODERS[type(spec.decoding)](spec, spec.decoding, written)


class Detector:
    """A loaded detector. `options.region` is the part of each frame that it looks at.

    Raises BundleError if the bundle decides on tasks instead, or is not what its manifest says;
    EngineError if a runtime or a strict delegate refuses it.
    """

    def __init__(self, bundle: Bundle, options: StreamOptions = StreamOptions()) -> None:
        manifest, spec = bundle.manifest, require_detector(bundle)
        part = manifest.last_part
        self.bundle, self.spec, self.engine = bundle, spec, options.load(bundle, part)
        self._input, self._region, self._board = manifest.input, options.region, options.board
        self._preprocess = Preprocessor(manifest.input, part.inputs[0])
        self._input_shape = (self._input.height, self._input.width, self._input.channels)
        if options.delegate.expects_work:
            check_delegate_is_used(options.delegate, [self.engine.delegation])
        names = [tensor.name for tensor in part.outputs]
        written = outputs.Outputs(self.engine, names, manifest.input.size)
        self._decode = decoder_of(spec, written)

    @property
    def delegation(self) -> dict[str, Delegation]:
        """Who computes the operators of its part, by its role."""
        return {self.bundle.manifest.last_part.role: self.engine.delegation}

    @property
    def predicted(self) -> "Predicted | None":
        """Whose predicted latency it was held to, and how well; None: nobody's."""
        if self._board is None or self.engine.throttle is None:
            return None
        role = self.bundle.manifest.last_part.role
        return self._board.predicted(self.bundle, {role: self.engine.throttle})

    def find(self, pixels: np.ndarray, region: Region | None = None) -> Detections:
        """What is in a frame, uint8 BGR (H, W, 3), in its pixels.

        region: of this frame alone, instead of that of the options. Raises EdgeError if the
        pixels are of another form or the region lies outside.
        """
        region = region or self._region
        self._preprocess(pixels, self.engine.input().reshape(self._input_shape), region)
        self.engine.invoke()
        height, width = pixels.shape[:2]
        size, resize = self._input.size, self._input.resize
        source = region.seen_by(size, resize).locate(height, width)
        target = resize.place(source[2:], size)
        with np.errstate(over="ignore", invalid="ignore"):  # what is no number is no box
            detections = in_frame(*self._decode(), target, source, (width, height))
        return suppress(detections, self.spec.nms)


def require_detector(bundle: Bundle) -> DetectionSpec:
    """How its outputs become boxes. Raises BundleError if it decides on tasks instead."""
    manifest = bundle.manifest
    if manifest.detection is None:
        tasks = ", ".join(task.name for task in manifest.tasks)
        raise BundleError(
            f"{manifest.name} is no detector but answers {tasks}: give a detector, such as person, "
            "or a .tflite with a few lines of TOML"
        )
    return manifest.detection
