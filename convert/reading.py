"""A network from any file that can be read, as float parts."""

from pathlib import Path

from convert.keras_cut import network as from_keras
from convert.network import Network
from convert.precision.workshop import Workshop
from convert.sources import SUFFIXES
from convert.tasks_file import ModelCard
from convert.tflite_cut import network as from_tflite
from edge.progress import Progress


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
