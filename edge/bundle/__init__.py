"""The bundle, `NAME.edge`: what it holds, and how it is read and written."""

from edge.bundle.archive import (
    GOLDEN,
    GOLDEN_INPUT,
    MANIFEST,
    REFERENCE,
    REPORT,
    Bundle,
    index,
    open_bundle,
    write_bundle,
)
from edge.bundle.detection import (
    NO_TASKS,
    AnchorBoxes,
    AnchorGrid,
    CentreMaps,
    DetectionSpec,
    SsdBoxes,
    Suppression,
)
from edge.bundle.given_input import GivenInput
from edge.bundle.manifest import (
    CARRIED_RING,
    CARRIED_STATE,
    DETECTION_SINCE,
    GATE_SINCE,
    RINGS,
    SINGLE_FRAME,
    WHOLE_WINDOW,
    WINDOW_RING,
    Accuracy,
    Calibration,
    CarriedState,
    GateSpec,
    Manifest,
    Member,
    Part,
    RuntimeTrial,
    TensorSpec,
    schema_of,
)
from edge.input_spec import InputOptions, InputSpec, Resize

__all__ = [
    "CARRIED_RING", "CARRIED_STATE", "DETECTION_SINCE", "GATE_SINCE", "GOLDEN", "GOLDEN_INPUT", "MANIFEST",
    "NO_TASKS", "REFERENCE", "REPORT", "RINGS", "SINGLE_FRAME", "WHOLE_WINDOW", "WINDOW_RING", "Accuracy",
    "AnchorBoxes", "AnchorGrid", "Bundle", "Calibration", "CarriedState", "CentreMaps",
    "DetectionSpec", "GateSpec", "GivenInput", "InputOptions", "InputSpec", "Manifest", "Member", "Part",
    "Resize", "RuntimeTrial", "SsdBoxes", "Suppression", "TensorSpec", "index", "open_bundle", "schema_of",
    "write_bundle",
]  # fmt: skip
