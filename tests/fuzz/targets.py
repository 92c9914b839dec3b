"""What reads files of others: each target takes any bytes, and raises EdgeError or nothing."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from edge.bundle import MANIFEST, open_bundle
from edge.check.clips import read_clips
from edge.people.gallery import read_gallery
from edge.people.recogniser import acceptance_of
from edge.tflite import flatbuffer, operators
from edge_benchmarks.commands.run import run
from edge_benchmarks.judge import checks, gate, records
from edge_benchmarks.record import Record
from edge_benchmarks.show import writing
from edge_benchmarks.suite.suite_file import RunOptions, read_suite
from edge_common import EdgeError
from edge_devices.profiles import profile
from tests.fuzz import corpus


@dataclass(frozen=True)
class Target:
    """seeds: sound inputs.  read: what is done with a mutated one.  is_json: whether values change."""

    seeds: Callable[[], list[bytes]]
    read: Callable[[Path], object]
    suffix: str = ""
    is_json: bool = False

    def try_case(self, random: Random, folder: Path) -> str:
        """Read one mutated input; "" or why it was refused. Raises whatever is no EdgeError."""
        path = folder / f"case{self.suffix}"
        path.write_bytes(mutated(random.choice(self.seeds()), random, self.is_json))
        try:
            self.read(path)
        except EdgeError as error:
            return str(error) or "no reason"
        return ""


_BYTES = (0, 1, 0x7F, 0x80, 0xFF)
_VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 2**31, -(2**31), 2**63, 10**400, 0.5, -1e308, 1e-320, float("nan"),
    float("inf"), "", "x", "\ud800", "\x1b[2J\u202e", "a" * 5000, "../../x", [], [[]], {}, {"": 0},
)  # fmt: skip


def mutated(seed: bytes, random: Random, is_json: bool) -> bytes:
    """With some of its bytes changed, or some of its values if it is JSON."""
    if is_json and random.random() < 0.7:
        value = json.loads(seed)
        for _ in range(random.choice((1, 1, 2, 5))):
            value = _with_another_value(value, random)
        return json.dumps(value).encode()
    data = bytearray(seed)
    for _ in range(random.choice((1, 1, 2, 8, 40))):
        _change_bytes(data, random)
    return bytes(data)


def _with_another_value(value: Any, random: Random) -> Any:
    """One value, at any depth, is another or is missing."""
    if isinstance(value, dict) and value and random.random() < 0.9:
        key = random.choice(sorted(value))
        if random.random() < 0.1:
            return {k: v for k, v in value.items() if k != key}
        return {**value, key: _with_another_value(value[key], random)}
    if isinstance(value, list) and value and random.random() < 0.9:
        index = random.randrange(len(value))
        return [*value[:index], _with_another_value(value[index], random), *value[index + 1 :]]
    alike = [each for each in _VALUES if type(each) is type(value)]
    return random.choice(alike if alike and random.random() < 0.7 else _VALUES)


def _change_bytes(data: bytearray, random: Random) -> None:
    if not data:
        return
    at, kind = random.randrange(len(data)), random.randrange(8)
    if kind < 3:
        data[at] = random.choice((*_BYTES, random.randrange(256)))
    elif kind == 3:
        data[at : at + 4] = random.choice((0, 1, 2**31 - 1, 2**32 - 1)).to_bytes(4, "little")
    elif kind == 4:
        del data[at : at + random.choice((1, 4, 100))]
    elif kind == 5:
        piece = data[at : at + random.choice((1, 4, 100))]
        data[at:at] = piece * random.choice((1, 2, 200))
    elif kind == 6:
        data[at] ^= 1 << random.randrange(8)
    else:
        del data[at:]


def _bundle(path: Path) -> None:
    bundle = open_bundle(path)
    _ = bundle.golden, acceptance_of(bundle)


def _manifest(path: Path) -> None:
    members = corpus.members()
    path.write_bytes(corpus.zipped({MANIFEST: path.read_bytes(), **members}))
    _bundle(path)


def _tflite(path: Path) -> None:
    model = path.read_bytes()
    flatbuffer.cost(model)
    operators.read_operators(model)
    flatbuffer.constant_tensors(model)
    flatbuffer.tensor_names(model)


def _record(path: Path) -> None:
    good = path.with_name("good.json")
    good.write_bytes(corpus.benchmark_record())
    figures = gate.read_figures(good), gate.read_figures(path)
    names = str(good), str(path)
    gate.run_checks(names, *figures, checks.Allowances(), records.Across(True, True))
    both = [figure for figure in figures if isinstance(figure, Record)]
    for suffix in ("csv", "md"):
        writing.write_report(path.with_suffix(f".{suffix}"), both)
    if len(both) == 2:
        records.compare_records(names, both[0], both[1], records.Across(True, True))


def _settings(path: Path) -> None:
    read_suite(path, RunOptions(run))


def _profiles() -> list[bytes]:
    folder = Path(profile.__file__).parent
    return [(folder / "pi-5.toml").read_bytes()]


def _profile(path: Path) -> None:
    profile.read_profile(path.rename(path.with_name("pi-5.toml")))  # its own name stands in it


TARGETS = {
    "bundle": Target(lambda: [corpus.bundle()], _bundle, ".edge"),
    "manifest": Target(lambda: [corpus.manifest(corpus.members())], _manifest, ".edge", True),
    "tflite": Target(lambda: [corpus.tflite()], _tflite, ".tflite"),
    "gallery": Target(lambda: [corpus.gallery()], read_gallery, ".npz"),
    "clips": Target(lambda: [corpus.clips()], lambda path: read_clips(path, 1, (4, 4)), ".npz"),
    "record": Target(lambda: [corpus.benchmark_record()], _record, ".json", True),
    "suite": Target(lambda: [corpus.SUITE], _settings, ".toml"),
    "profile": Target(_profiles, _profile, ".toml"),
}
