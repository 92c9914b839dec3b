"""What a bundle asks of the very board that it is measured on."""

from benchmarks.prediction.forecast import part_work
from devices.detection import Detected, detect
from devices.errors import DeviceError
from devices.prediction.work import Work
from edge.bundle import Bundle
from edge.errors import EngineError


def work_here(bundle: Bundle, found: Detected | None = None) -> dict[str, Work]:
    """Each part's work, by its role; nothing on a board that the latency model does not know."""
    found = found or detect()
    if not found.is_known:
        return {}
    try:
        return part_work(bundle, found.profile, lambda profile, role: None)
    except (DeviceError, EngineError):  # no LiteRT, no schema to read operators with
        return {}
