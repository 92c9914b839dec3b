"""What a conversion is asked for."""

from dataclasses import dataclass
from pathlib import Path

from edge.delegates import Delegate

SEARCH_CLIPS, SEARCH_CLIPS_UNLABELLED = 1000, 32


@dataclass(frozen=True)
class Request:
    """What the user asked for."""

    model: Path
    output: Path
    calibration: Path
    validation: Path | None = None
    golden: Path | None = None
    tasks: Path | None = None
    cut: str | None = None
    max_drop: float = 0.5
    encoder_precision: str = "auto"
    head_precision: str = "auto"
    value_range: tuple[float, float] = (0.0, 255.0)
    calibration_clips: int = 32
    search_clips: int | None = None
    seed: int = 0
    whole_window: bool = False
    try_with: tuple[Path, ...] = ()
    try_delegate: tuple[Delegate, ...] = ()

    @property
    def forced(self) -> dict[str, str]:
        """Precisions that are not searched for, by role."""
        wanted = {
            "encoder": self.encoder_precision,
            "model": self.encoder_precision,
            "head": self.head_precision,
        }
        return {role: precision for role, precision in wanted.items() if precision != "auto"}
