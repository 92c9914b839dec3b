"""The bundle, `NAME.edge`: what it holds, and how it is read and written."""

from edge.bundle.archive import GOLDEN, MANIFEST, REPORT, Bundle, index, open_bundle, write_bundle
from edge.bundle.manifest import (
    SINGLE_FRAME,
    WHOLE_WINDOW,
    WINDOW_RING,
    Accuracy,
    Calibration,
    InputSpec,
    Manifest,
    Member,
    Part,
    TensorSpec,
    Trial,
    schema_of,
)

__all__ = [
    "GOLDEN", "MANIFEST", "REPORT", "SINGLE_FRAME", "WHOLE_WINDOW", "WINDOW_RING",
    "Accuracy", "Bundle", "Calibration", "InputSpec", "Manifest", "Member", "Part", "TensorSpec",
    "Trial", "index", "open_bundle", "schema_of", "write_bundle",
]  # fmt: skip
