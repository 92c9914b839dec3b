"""A model's file, read and checked, before anything of it is cut or converted."""

from pathlib import Path
from typing import Protocol

from edge.tasks import Task
from edge_common.console import Progress
from edge_convert.network import Network
from edge_convert.precision.jobs import ConversionJobs
from edge_convert.sources.keras_file import KerasFile
from edge_convert.sources.libraries import PICKLED, SUFFIXES
from edge_convert.sources.third_party import ThirdPartyFile
from edge_convert.tasks_file import ModelCard


class ModelFile(Protocol):
    """What is known of a network as soon as its file is read.

    size: (height, width, channels) of a frame.
    """

    @property
    def window(self) -> int: ...

    @property
    def size(self) -> tuple[int, int, int]: ...

    @property
    def tasks(self) -> tuple[Task, ...]: ...

    def network(self, behind: str | None, jobs: ConversionJobs, progress: Progress) -> Network:
        """Cut it, behind a layer or the best one, and convert the parts to float32 .tflite."""


def read_model(path: Path, card: ModelCard, behind: str | None, progress: Progress) -> ModelFile:
    """Raises ModelError, in one line, if the file or its network does not fit."""
    reader = ThirdPartyFile if _third_party(path) else KerasFile
    return reader.read(path, card, behind, progress)


def explanation(path: Path, behind: str | None = None) -> str:
    """Where a network can be cut; the cut behind `behind` marked, or the best."""
    reader = ThirdPartyFile if _third_party(path) else KerasFile
    return reader.explanation(path, behind)


def _third_party(path: Path) -> bool:
    """Whether this is no Keras file: a folder, or a suffix of another library."""
    return path.is_dir() or path.suffix in (*SUFFIXES, *PICKLED)
