"""What a conversion is asked for."""

from dataclasses import dataclass
from pathlib import Path

from edge.engine.delegate import Delegate


@dataclass(frozen=True)
class Request:
    """What the user asked for.

    max_drop: points that any task may lose.  value_range: what black and white are to the
    network; by default 0 and 255, or what the integers of a quantised network's input span.
    """

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
    value_range: tuple[float, float] | None = None
    calibration_clips: int = 32
    search_clips: int | None = None
    seed: int = 0
    whole_window: bool = False
    try_with: tuple[Path, ...] = ()
    try_delegate: tuple[Delegate, ...] = ()

    @property
    def forced(self) -> dict[str, str]:
        """Precisions that are not searched for, by role."""
        by_role = {
            "encoder": self.encoder_precision,
            "model": self.encoder_precision,
            "head": self.head_precision,
        }
        return {role: precision for role, precision in by_role.items() if precision != "auto"}
