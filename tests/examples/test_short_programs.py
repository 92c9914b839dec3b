"""The short programs for readers, run as their docstrings say, with the shipped bundles."""

import ast
import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edge import open_bundle
from examples import camera_alert, folder_of_clips, two_bundles
from examples.astronaut import film_all_actions
from examples.demo_video import write_film

ACTIONS = ("still", "left", "right", "up", "down", "nearer", "farther", "shake")
WINDOW = 15


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> dict[str, Path]:
    """Two clips of a face, 24 frames each, as the shipped network sees it: 100 x 100."""
    folder = tmp_path_factory.mktemp("clips")
    films = film_all_actions(24, 100)
    paths = {action: folder / f"{action}.mp4" for action in ("left", "down")}
    for action, path in paths.items():
        write_film(path, films[ACTIONS.index(action)])
    return paths


@pytest.mark.parametrize("program", [camera_alert, folder_of_clips, two_bundles])
def test_it_is_short_and_uses_the_public_api_alone(program) -> None:
    text = Path(program.__file__).read_text()
    assert text.count("\n") < 40 and f"python -m {program.__name__} " in program.__doc__
    imports = [node for node in ast.parse(text).body if isinstance(node, ast.ImportFrom)]
    rooms = {node.module for node in imports if node.module.startswith("edge")}
    assert rooms == {"edge", "edge.sources"}


@pytest.mark.parametrize("program", [camera_alert, folder_of_clips, two_bundles])
def test_without_arguments_it_says_how_to_run_it(program) -> None:
    done = subprocess.run(
        [sys.executable, "-m", program.__name__], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (1, f"{program.__doc__}\n")


def test_a_line_is_printed_once_the_label_has_been_sure(clips, capsys) -> None:
    camera_alert.main(str(clips["left"]), "action=left", "0.5", "3")
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"frame {WINDOW - 1 + 2}: action is left ")


def test_a_label_that_is_not_sure_for_so_long_prints_nothing(clips, capsys) -> None:
    camera_alert.main(str(clips["left"]), "action=left", "0.5", "11")  # there are 10 windows
    camera_alert.main(str(clips["left"]), "action=down")
    assert capsys.readouterr().out == ""


def test_each_time_it_becomes_sure_again_is_an_alert_of_its_own(clips) -> None:
    class Task:
        def __init__(self, label: str) -> None:
            self.label, self.p = label, 0.9

    class Decision:
        def __init__(self, label: str) -> None:
            self.tasks = {"action": Task(label)}

    decisions = [Decision(label) for label in "aaabaaab"]
    hits = list(camera_alert.alerts(decisions, "action", "a", 0.8, 2))
    assert [decisions.index(hit) for hit in hits] == [1, 5]


def test_each_clip_of_a_folder_has_one_line(clips, tmp_path, capsys) -> None:
    folder = clips["left"].parent
    write_film(folder / "short.mp4", np.zeros((WINDOW - 1, 100, 100, 3), np.uint8))
    folder_of_clips.main(str(folder), "faces-in-motion")
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert [row["clip"] for row in rows] == ["down.mp4", "left.mp4", "short.mp4"]
    assert [row["action"] for row in rows] == ["down", "left", ""]
    assert all(
        row["reid"] in open_bundle("faces-in-motion").manifest.tasks[0].labels for row in rows[:2]
    )


def test_two_bundles_answer_the_same_frames(clips, capsys) -> None:
    two_bundles.main(str(clips["left"]), "faces-in-motion", "face")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["frame"] for line in lines] == list(range(24))
    assert set(lines[0]) == {"frame"}  # no window is full yet
    assert set(lines[-1]) == {"frame", "faces-in-motion", "face"}
    assert set(lines[-1]["face"]) == {"age", "gender", "descriptor"}
    assert lines[-1]["faces-in-motion"]["action"].startswith("left ")


def test_two_bundles_draw_into_one_window(clips, capsys, monkeypatch) -> None:
    shown = []
    monkeypatch.setattr(two_bundles.cv2, "imshow", lambda title, pixels: shown.append(pixels))
    monkeypatch.setattr(two_bundles.cv2, "waitKey", lambda ms: ord("q") if len(shown) > 20 else 0)
    two_bundles.main(str(clips["left"]), "faces-in-motion", "face", "--show")
    assert len(shown) == 21 and capsys.readouterr().out == ""
