"""A temperature and a rule for `unknown`, from the tasks file into the bundle and its answers."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from edge.bundle import Bundle, TensorSpec, open_bundle, write_bundle
from edge.check.evaluate import replay
from edge.check.self_test import self_test
from edge.cli import main as edge_run
from edge.stream import Stream, StreamOptions
from edge.tasks import Task, UnknownRule
from edge_common.errors import ConfigError
from edge_convert.network import Output, read_card, tasks_of, with_rules_that_hold
from edge_convert.verification.sections import _task_words

LABELS = ("ann", "bob", "cid")
ENTRY = {
    "kind": "classification", "labels": list(LABELS), "temperature": 1.7,
    "unknown": {"by": "energy", "threshold": 4.25},
}  # fmt: skip
WHO = Task("who", "classification", LABELS, temperature=1.7, unknown=UnknownRule("energy", 4.25))


def tasks_in(folder: Path, **fields: object) -> tuple[Task, ...]:
    (folder / "m.tasks.json").write_text(json.dumps({"tasks": {"who": {**ENTRY, **fields}}}))
    return tasks_of({"who": Output((3,), "softmax")}, read_card(folder / "m.keras"))


def test_a_tasks_file_gives_both(tmp_path: Path) -> None:
    assert tasks_in(tmp_path) == (WHO,)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"temperature": 0}, "temperature 0"),
        ({"temperature": "hot"}, "temperature"),
        ({"unknown": {"by": "looks", "threshold": 1}}, "tells unknown by 'looks'"),
        ({"unknown": {"by": "energy"}}, "threshold"),
        ({"labels": ["ann", "bob", "unknown"]}, "has a label 'unknown' and a rule for it"),
    ],
)
def test_what_cannot_be_is_one_line(tmp_path: Path, fields: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as error:
        tasks_in(tmp_path, **fields)
    assert "\n" not in str(error.value)


class Progress:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


def test_integers_hide_an_energy_and_a_warning_says_so() -> None:
    by_probability = replace(WHO, name="item", unknown=UnknownRule("max-probability", 0.4))
    floats = [TensorSpec(name, (1, 3), "float32") for name in ("who", "item")]
    integers = [replace(tensor, dtype="int8", scale=1 / 256) for tensor in floats]
    progress = Progress()
    tasks = (WHO, by_probability)
    assert with_rules_that_hold(tasks, floats, progress) == tasks and not progress.lines
    kept = with_rules_that_hold(tasks, integers, progress)
    assert kept == (replace(WHO, unknown=None), by_probability)
    assert len(progress.lines) == 1 and "'who' never answers unknown" in progress.lines[0]


def test_the_report_names_them() -> None:
    assert _task_words(WHO) == "who (temperature 1.7, unknown if energy is below 4.25)"
    assert _task_words(Task("who", "classification", LABELS)) == "who"


@pytest.fixture
def cautious(tmp_path: Path) -> Bundle:
    """The shipped network, which takes every face for one that it has not learnt."""
    shipped = open_bundle("faces-in-motion")
    reid, action = shipped.manifest.tasks
    tasks = (
        replace(reid, unknown=UnknownRule("energy", 1e6)),
        replace(action, temperature=2.5),
    )
    manifest = replace(shipped.manifest, schema=6, tasks=tasks)
    write_bundle(tmp_path / "cautious.edge", manifest, shipped.members)
    return open_bundle(tmp_path / "cautious.edge")


def test_golden_frames_and_outputs_stay_as_they_are(cautious: Bundle) -> None:
    shipped = open_bundle("faces-in-motion")
    frames = shipped.golden["frames"]
    before, after = (replay(each, frames, StreamOptions()) for each in (shipped, cautious))
    assert all(np.array_equal(before[task], after[task]) for task in before)
    assert self_test(cautious).exact == self_test(shipped).exact


def test_a_stream_answers_unknown_and_sure_of_less(cautious: Bundle) -> None:
    streams = [Stream(each) for each in (open_bundle("faces-in-motion"), cautious)]
    for frame in cautious.golden["frames"]:
        decisions = [stream.push(np.ascontiguousarray(frame[..., ::-1])) for stream in streams]
        if decisions[0] is None:
            continue
        plain, careful = (decision.tasks for decision in decisions)
        assert (careful["reid"].label, careful["reid"].index) == ("unknown", None)
        assert careful["reid"].guess == plain["reid"].label
        assert careful["reid"].p == pytest.approx(plain["reid"].p)
        assert careful["action"].label == plain["action"].label
        assert 1 / 8 < careful["action"].p <= plain["action"].p


def run_over(bundle: Bundle, source: Path, output: Path) -> Result:
    return CliRunner().invoke(
        edge_run, [str(bundle.path), "--source", str(source), "--jsonl", str(output), "--json"]
    )


def test_a_run_writes_and_counts_it(cautious: Bundle, tmp_path: Path) -> None:
    import cv2

    folder = tmp_path / "frames"
    folder.mkdir()
    for number, frame in enumerate(cautious.golden["frames"]):
        cv2.imwrite(str(folder / f"{number:03}.png"), frame[..., ::-1])
    result = run_over(cautious, folder, tmp_path / "lines.jsonl")
    assert result.exit_code == 0, result.output
    lines = [json.loads(line) for line in (tmp_path / "lines.jsonl").read_text().splitlines()]
    answers = [line["tasks"]["reid"] for line in lines if "tasks" in line]
    assert answers and {answer["label"] for answer in answers} == {"unknown"}
    assert all("index" not in answer and answer["guess"].startswith("s") for answer in answers)
    assert json.loads(result.stdout)["answers"]["reid"] == {"unknown": len(answers)}
