"""What a conversion is asked for."""

from dataclasses import dataclass
from pathlib import Path

from edge.engine.delegate import Delegate
from edge_common.console import Progress
from edge_convert.cut.keras import network as from_keras
from edge_convert.cut.tflite import network as from_tflite
from edge_convert.network import Network
from edge_convert.precision.workshop import Workshop
from edge_convert.sources import SUFFIXES
from edge_convert.tasks_file import ModelCard

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


def read_network(
    path: Path, card: ModelCard, cut: str | None, shop: Workshop, progress: Progress
) -> Network:
    """Raises ModelError, in one line, where the file or its network does not fit."""
    if _foreign(path):
        return from_tflite.tflite_network(path, card, cut, progress)
    return from_keras.keras_network(path, card, cut, shop, progress)


def explanation(path: Path, behind: str | None = None) -> str:
    """Where a network can be cut; the cut behind `behind` marked, or the best."""
    if _foreign(path):
        return from_tflite.explanation(path, behind)
    return from_keras.explanation(path, behind)


def _foreign(path: Path) -> bool:
    """Whether this is no Keras file: a folder, or a suffix of another library."""
    return path.is_dir() or path.suffix in (*SUFFIXES, ".pt", ".pth", ".ckpt", ".pkl")
