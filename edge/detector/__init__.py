"""What is in a frame, and where: detectors, and the ways in which their outputs become boxes."""

from edge.detector.boxes import Detections
from edge.detector.detector import Detector
from edge.detector.open import open_detector

__all__ = ["Detections", "Detector", "open_detector"]
