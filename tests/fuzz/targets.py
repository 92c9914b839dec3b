"""What reads files of others: each target takes any bytes, and raises EdgeError or nothing."""

import functools
import importlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from unittest import mock

import cv2
import numpy as np
from click import Command
from click.testing import CliRunner

from edge import cli
from edge.bundle import MANIFEST, open_bundle
from edge.bundle.manifest import to_json
from edge.check.clips import read_clips
from edge.commands import plain
from edge.detector import Detector, open_detector
from edge.people.gallery import read_gallery
from edge.people.recogniser import acceptance_of
from edge.sinks import draw
from edge.stream import Stream
from edge.tflite import flatbuffer, operators
from edge_benchmarks.commands.facts import facts
from edge_benchmarks.commands.run import run
from edge_benchmarks.judge import checks, gate, records, score
from edge_benchmarks.record import Record
from edge_benchmarks.remote.board import Board
from edge_benchmarks.remote.link import checked_message
from edge_benchmarks.show import writing
from edge_benchmarks.suite.suite_file import SuiteOptions, read_suite
from edge_common import EdgeError
from edge_devices.prediction import measured
from edge_devices.profiles import profile
from edge_models.datasets import dataset, labelled_clips
from edge_models.evaluation.history import read_history
from edge_models.pretrained.tfjs import read_graph
from edge_models.training.config import TrainingConfig, read_training_file
from examples.sweep.plan import read_sweep
from tests.fuzz import corpus, mutations

_ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True)
class Target:
    """seeds: sound inputs.  read: what is done with a mutated one.

    case_s: how long that may take.  heavy: it runs networks, a second a case.
    """

    seeds: Callable[[], list[bytes]]
    read: Callable[[Path], object]
    suffix: str = ""
    mutate: mutations.Mutate = mutations.of_bytes
    case_s: int = 10
    heavy: bool = False

    def try_case(self, random: Random, folder: Path) -> str:
        """Read one mutated input; "" or why it was refused. Raises whatever is no EdgeError."""
        path = folder / f"case{self.suffix}"
        path.write_bytes(self.mutate(random.choice(self.seeds()), random))
        try:
            self.read(path)
        except EdgeError as error:
            return str(error) or "no reason"
        return ""


class Refused(EdgeError):
    """A command ended with one line and a code that says so."""


def _command(command: Command, *arguments: object) -> None:
    """Raises Refused for a code of ours, and what is no end of ours as it is."""
    result = CliRunner().invoke(command, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    if result.exit_code:
        lines = result.stderr.strip().splitlines()
        assert result.exit_code in (1, 2) and lines and lines[-1].startswith("Error: "), (
            result.output
        )
        raise Refused(lines[-1])


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


def _run(path: Path) -> None:
    """First in a process of its own, as the product does, and then in this one."""
    image = path.with_name("frame.png")
    cv2.imwrite(str(image), np.full((8, 8, 3), 99, np.uint8))
    with mock.patch.dict(os.environ, XDG_CACHE_HOME=str(path.parent)):
        _command(cli.main, path, "--source", image, "--quiet")


def _facts(path: Path) -> None:
    with mock.patch.dict(os.environ, XDG_CACHE_HOME=str(path.parent)):
        _command(facts, path, "-o", path.with_suffix(".json"))
        _command(cli.main, path, "--self-test")


@functools.cache
def _cache() -> TemporaryDirectory[str]:
    """In which the sound model's first run is remembered."""
    return TemporaryDirectory()


def _find(path: Path) -> None:
    """Boxes of a frame, by a detector of a manifest or of a TOML file beside its model."""
    frame = np.full((20, 30, 3), 99, np.uint8)
    with mock.patch.dict(os.environ, XDG_CACHE_HOME=_cache().name):
        found = Detector(open_detector(str(path))).find(frame)
    assert np.isfinite(found.boxes).all() and (found.boxes >= 0).all()
    assert (found.boxes[:, 2:] <= (30, 20)).all()


def _detector_manifest(path: Path) -> None:
    path.write_bytes(corpus.zipped({MANIFEST: path.read_bytes(), **corpus.SPOTS.members}))
    _find(path)


def _detector_toml(path: Path) -> None:
    path.with_suffix(".tflite").write_bytes(corpus.SSD)
    _find(path)


def _labels(path: Path) -> None:
    model, frame = path.with_name("model.tflite"), np.full((8, 8, 3), 99, np.uint8)
    model.write_bytes(corpus.tflite())
    with mock.patch.dict(os.environ, XDG_CACHE_HOME=_cache().name):
        stream = Stream(plain.PlainOptions(labels=str(path)).open(str(model), "auto"))
    decision = stream.push(frame)
    assert decision is not None
    json.dumps(decision.to_json())
    draw.annotate(frame, [decision], [task.name for task in stream.tasks])


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
    read_suite(path, SuiteOptions(run))


def _profiles() -> list[bytes]:
    folder = Path(profile.__file__).parent
    return [(folder / "pi-5.toml").read_bytes()]


def _profile(path: Path) -> None:
    profile.read_profile(path.rename(path.with_name("pi-5.toml")))  # its own name stands in it


def _training_files() -> list[bytes]:
    return [path.read_bytes() for path in sorted((_ROOT / "models/configs").glob("*.toml"))]


def _sweeps() -> list[bytes]:
    return [path.read_bytes() for path in sorted((_ROOT / "examples/sweep").glob("*.toml"))]


def _reply(path: Path) -> None:
    for line in path.read_bytes().splitlines():
        checked_message(line, Board("pi"))


def _training(path: Path) -> None:
    read_training_file(path)


def _table(path: Path) -> None:
    (path.parent / "clip.mp4").touch()
    labelled_clips._from_table(path.parent, labelled_clips.ClipsSection(table=path.name))


def _truth(path: Path) -> None:
    decisions = path.with_name("decisions.jsonl")
    decisions.write_bytes(corpus.DECISIONS)
    score.score_decisions(score.read_decisions(decisions), score.read_segments(path), 2)


def _decisions(path: Path) -> None:
    truth = path.with_name("truth.jsonl")
    truth.write_bytes(corpus.TRUTH)
    score.score_decisions(score.read_decisions(path), score.read_segments(truth), 2)


def _report(path: Path) -> None:
    path.replace(path.with_name("report.json"))
    part = dataset.Subset(lambda _: np.zeros(0), {"action": np.array([0, 1])})
    data = dataset.DataSet("x", (), part, part, part, (1, 4, 4), 25.0, "")
    read_history(path.parent, TrainingConfig(), data)


def _graph(path: Path) -> None:
    (path.parent / "shard.bin").write_bytes(np.zeros(4, np.float32).tobytes())
    read_graph(path).needed(["y"], ["x"])


def _tasks(path: Path) -> None:
    network = importlib.import_module("edge_convert.network")  # needs tensorflow
    network.read_card("", path)


TARGETS = {
    "bundle": Target(lambda: [corpus.bundle()], _bundle, ".edge"),
    "bundle-members": Target(lambda: [corpus.bundle()], _bundle, ".edge", mutations.of_bundle),
    "clips": Target(lambda: [corpus.clips()], lambda path: read_clips(path, 1, (4, 4)), ".npz"),
    "clips-arrays": Target(
        lambda: [corpus.clips()],
        lambda path: read_clips(path, 1, (4, 4)),
        ".npz",
        mutations.of_arrays,
    ),
    "detector": Target(
        lambda: [json.dumps(to_json(corpus.SPOTS.manifest)).encode()],
        _detector_manifest,
        ".edge",
        mutations.of_json,
    ),
    "detector-run": Target(
        lambda: [corpus.SSD], _find, ".tflite", mutations.of_graph, 300, heavy=True
    ),
    "detector-toml": Target(lambda: corpus.DETECTORS, _detector_toml, ".toml", mutations.of_toml),
    "decisions": Target(lambda: [corpus.DECISIONS], _decisions, ".jsonl", mutations.of_json_lines),
    "gallery": Target(lambda: [corpus.gallery()], read_gallery, ".npz"),
    "gallery-arrays": Target(lambda: [corpus.gallery()], read_gallery, ".npz", mutations.of_arrays),
    "labels": Target(lambda: [b"cat\ndog\n"], _labels, ".txt"),
    "manifest": Target(
        lambda: [corpus.manifest(corpus.members())], _manifest, ".edge", mutations.of_json
    ),
    "measurement": Target(corpus.measurements, measured.read_record, ".json", mutations.of_json),
    "parts": Target(corpus.run_bundles, _facts, ".edge", mutations.of_parts, 300, heavy=True),
    "profile": Target(_profiles, _profile, ".toml", mutations.of_toml),
    "record": Target(lambda: [corpus.benchmark_record()], _record, ".json", mutations.of_json),
    "reply": Target(lambda: [corpus.REPLY], _reply, ".jsonl", mutations.of_json_lines),
    "report": Target(lambda: [corpus.REPORT], _report, ".json", mutations.of_json),
    "run": Target(corpus.run_models, _run, ".tflite", mutations.of_graph, 300, heavy=True),
    "suite": Target(lambda: [corpus.SUITE], _settings, ".toml", mutations.of_toml),
    "sweep": Target(_sweeps, read_sweep, ".toml", mutations.of_toml),
    "table": Target(lambda: [corpus.TABLE], _table, ".csv", mutations.of_table),
    "tasks": Target(lambda: [corpus.TASKS], _tasks, ".json", mutations.of_json, 60),
    "tfjs": Target(lambda: [corpus.TFJS], _graph, ".json", mutations.of_json),
    "tflite": Target(lambda: [corpus.tflite()], _tflite, ".tflite"),
    "training": Target(_training_files, _training, ".toml", mutations.of_toml),
    "truth": Target(lambda: [corpus.TRUTH], _truth, ".jsonl", mutations.of_json_lines),
}
