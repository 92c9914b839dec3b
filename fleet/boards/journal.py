"""What a roll-out has done so far, in a file that is whole at any time, so that it goes on from there."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import MappingProxyType

from edge_common import ConfigError, DataError, decode, read_json, whole_file
from edge_fleet.boards.health import HealthSample

_SCHEMA = 1
_MOST_BYTES = 256 << 20
# of a wave, in their order; BAD is one that is being brought back
WAITING, UPDATING, WATCHING, GOOD, BAD, BACK = (
    "waiting", "updating", "watching", "good", "bad", "back",
)  # fmt: skip
# of a board: nothing was done; has the bundle; nothing could be done; is not well with it; has the one of
# before again; could not be brought back
UPDATED, SKIPPED, UNWELL, RETURNED, STUCK = "updated", "skipped", "unwell", "returned", "stuck"


@dataclass
class BoardProgress:
    """One board of a roll-out.  line: why it is so.  before: how it was without the bundle."""

    step: str = WAITING
    line: str = ""
    before: HealthSample | None = None


@dataclass
class WaveState:
    """watch_until: seconds since 1970 at which its boards have been well for long enough."""

    boards: list[str]
    step: str = WAITING
    watch_until: float = 0.0


@dataclass
class Journal:
    """bundle: its file's name.  boards: by their names.  left_out: a line of each that is in no wave."""

    bundle: str
    sha256: str
    waves: list[WaveState]
    boards: dict[str, BoardProgress] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    schema: int = _SCHEMA

    @classmethod
    def new(
        cls,
        bundle: str,
        sha256: str,
        waves: Iterable[Iterable[str]],
        left_out: Mapping[str, str] = MappingProxyType({}),
    ) -> "Journal":
        states = [WaveState(list(wave)) for wave in waves]
        boards = {name: BoardProgress() for wave in states for name in wave.boards}
        return cls(bundle, sha256, states, boards, dict(left_out))

    @classmethod
    def read(cls, path: Path) -> "Journal | None":
        """None if there is none. Raises ConfigError if it is damaged."""
        if not path.exists():
            return None
        try:
            journal = decode(cls, read_json(path, _MOST_BYTES))
            names = [name for wave in journal.waves for name in wave.boards]
            if len(set(names)) != len(names) or set(names) != journal.boards.keys():
                raise DataError("its waves and boards do not belong together")
            if journal.schema != _SCHEMA:
                raise DataError(f"schema {journal.schema} is not the one read here, {_SCHEMA}")
        except DataError as error:
            raise ConfigError(
                f"{path}, which says how far a roll-out is, is damaged ({error}): --again begins anew"
            ) from error
        return journal

    def write(self, path: Path) -> None:
        """On disk before this returns. Raises OSError."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path, 0o600) as stream:
            stream.write(json.dumps(asdict(self), indent=1).encode())

    def names(self, wave: WaveState, *steps: str) -> list[str]:
        """Boards of a wave that are at one of these."""
        return [name for name in wave.boards if self.boards[name].step in steps]

    @property
    def problems(self) -> Mapping[str, str]:
        """A line of each board that does not have the bundle, but for those that nothing was tried on yet."""
        return self.left_out | {n: state.line for n, state in self.boards.items() if state.line}

    @property
    def is_done(self) -> bool:
        """Whether all boards have it and are well."""
        return all(each.step == UPDATED for each in self.boards.values())
