"""What a network of the zoo is, and how one is added: a function that builds it, under a decorator."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from examples.zoo.patterns import PatternClips


@dataclass(frozen=True)
class WrittenNetwork:
    """A network on disk.

    Attributes:
        arguments: of edge-convert, but for clips and output.
        answers: what it says itself about the test clips, by task: (n, ...).
    """

    arguments: Sequence[str]
    answers: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class ZooMember:
    """A network, and where one like it was published.

    Attributes:
        form: of its file, as the table has it.
        source: who publishes such a network; it is rebuilt here in other words.
        frames: (T, H, W, C) of its window; (T, F) of one over features.
        needs: a package that must be there to write it.
    """

    name: str
    form: str
    source: str
    frames: tuple[int, ...]
    build: Callable[[Path, PatternClips, PatternClips], WrittenNetwork]
    needs: str = "tensorflow"


ZOO: dict[str, ZooMember] = {}


@dataclass(frozen=True)
class FileForm:
    """A kind of file.  write: (what the function made, folder, train, test) -> WrittenNetwork."""

    name: str
    write: Callable[..., WrittenNetwork]
    needs: str = "tensorflow"

    def __call__(
        self, source: str, *frames: int, **options: Any
    ) -> Callable[[Callable[[], Any]], Callable[[], Any]]:
        """A decorator: the function, without arguments, builds a network of this form."""

        def add(function: Callable[[], Any]) -> Callable[[], Any]:
            name = function.__name__

            def build(folder: Path, train: PatternClips, test: PatternClips) -> WrittenNetwork:
                return self.write(function(), folder / name, train, test, **options)

            ZOO[name] = ZooMember(name, self.name, source, frames, build, self.needs)
            return function

        return add
