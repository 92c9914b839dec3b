"""What is in a frame, and where: detectors, and the ways in which their outputs become boxes."""

from edge.detector.boxes import Detections, in_frame, suppress
from edge.detector.detector import Detector, decoder_of, require_detector
from edge.detector.open import open_detector

__all__ = [
    "Detections", "Detector", "decoder_of", "in_frame", "open_detector", "require_detector",
    "suppress",
]  # fmt: skip
