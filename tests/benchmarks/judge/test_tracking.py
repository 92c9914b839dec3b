"""Tracks against the truth, with the figures of the evaluator in `trackers` 2.6.1 (Roboflow)."""

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from edge_benchmarks.cli import main
from edge_benchmarks.judge.track_files import read_tracks
from edge_benchmarks.judge.tracking import score_tracking
from edge_common import ConfigError

TRUTH = """\
1,1,100,100,40,100,1,-1,-1,-1
1,2,300,100,40,100,1,-1,-1,-1
2,1,110,100,40,100,1,-1,-1,-1
2,2,290,100,40,100,1,-1,-1,-1
3,1,120,100,40,100,1,-1,-1,-1
3,2,280,100,40,100,1,-1,-1,-1
3,3,500,200,60,150,0,-1,-1,-1
4,1,130,100,40,100,1,-1,-1,-1
4,2,270,100,40,100,1,-1,-1,-1
5,1,140,100,40,100,1,-1,-1,-1
6,1,150,100,40,100,1,-1,-1,-1
6,2,250,100,40,100,1,-1,-1,-1
"""
CLASSES = """\
1,1,100,100,40,100,1,1,1
1,2,300,100,40,100,0,7,1
1,3,500,100,40,100,0,3,1
2,1,110,100,40,100,1,1,0.8
2,2,290,100,40,100,0,7,1
3,1,120,100,40,100,1,1,1
3,4,280,100,40,100,0,1,0.1
"""
MINE = """\
1,7,102,101,40,100,1,-1,-1,-1
1,8,305,100,42,100,1,-1,-1,-1
2,7,112,103,40,98,1,-1,-1,-1
2,8,292,100,40,104,1,-1,-1,-1
3,7,121,100,44,100,1,-1,-1,-1
3,9,283,102,40,100,1,-1,-1,-1
4,8,135,90,40,100,1,-1,-1,-1
4,9,270,100,40,100,1,-1,-1,-1
5,8,141,100,40,100,1,-1,-1,-1
5,9,262,100,40,100,1,-1,-1,-1
6,9,251,101,40,100,1,-1,-1,-1
7,9,400,300,40,100,1,-1,-1,-1
"""


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def score(tmp_path: Path, mine: str, truth: str) -> dict[str, float]:
    predicted = read_tracks(write(tmp_path / "mine.txt", mine))
    return asdict(score_tracking(predicted, read_tracks(write(tmp_path / "truth.txt", truth))))


def test_figures_are_those_of_the_judge(tmp_path: Path) -> None:
    assert score(tmp_path, MINE, TRUTH) == {
        "hota": pytest.approx(0.477953, abs=1e-6),
        "detection": pytest.approx(0.645573, abs=1e-6),
        "association": pytest.approx(0.357316, abs=1e-6),
        "mota": pytest.approx(0.545455, abs=1e-6),
        "idf1": pytest.approx(0.521739, abs=1e-6),
        "id_precision": 0.5,
        "id_recall": pytest.approx(0.545455, abs=1e-6),
        "id_switches": 2,
        "misses": 1,
        "false_boxes": 2,
        "frames": 7,
        "true_boxes": 11,
        "true_people": 2,
        "predicted_boxes": 12,
        "predicted_people": 3,
    }


def test_what_looks_like_a_person_is_neither_right_nor_wrong(tmp_path: Path) -> None:
    result = score(tmp_path, MINE, CLASSES)
    figures = [
        round(result[key], 6) for key in ("hota", "detection", "association", "mota", "idf1")
    ]
    assert figures == [0.490068, 0.268421, 0.894737, -1.333333, 0.461538]
    assert (result["false_boxes"], result["predicted_boxes"]) == (7, 10)


def test_the_truth_itself_is_right(tmp_path: Path) -> None:
    counted = "".join(line for line in TRUTH.splitlines(True) if ",1,-1,-1,-1" in line)
    result = score(tmp_path, counted, TRUTH)
    assert [result[key] for key in ("hota", "mota", "idf1", "id_switches")] == [1, 1, 1, 0]


def test_nobody_found_is_nothing_right(tmp_path: Path) -> None:
    result = score(tmp_path, "", TRUTH)
    assert [result[key] for key in ("hota", "mota", "idf1", "misses")] == [0, 0, 0, 11]


def test_a_truth_without_people_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the ground truth has no box that counts"):
        score(tmp_path, MINE, "1,2,300,100,40,100,0,7,1\n")


def test_lines_of_a_run_count_from_0(tmp_path: Path) -> None:
    lines = [
        {"frame": int(row[0]) - 1, "tasks": {}, "track": {"number": int(row[1]), "box": row[2:6]}}
        for row in (list(map(float, line.split(","))) for line in MINE.splitlines())
    ]
    lines += [{"presence": {"count": 2}, "frame": 9}, {"board": "hot", "factor": 2}]
    lines += [{"frame": 10, "tasks": {}}]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    run = read_tracks(write(tmp_path / "run.jsonl", text))
    file = read_tracks(write(tmp_path / "mine.txt", MINE))
    assert run.frames.tolist() == file.frames.tolist()
    assert run.people.tolist() == file.people.tolist()
    np.testing.assert_array_equal(run.boxes, file.boxes)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,1,100,100,40\n", "line 1 is not understood: use frame,id,left,top,width,height"),
        ("1,1,0,0,4,4\n\n1,2,a,b,c,d\n", "line 3 is not understood"),
        ("inf,1,0,0,4,4\n", "line 1 is not understood"),
        ("1,nan,0,0,4,4\n", "line 1 is not understood"),
        ("1,1,0,0,4,4\n1.5,1,0,0,4,4\n", "line 2: frame 1.5, id 1: both are whole numbers"),
        ("1,1,0,0,4,4\n2,1.25,0,0,4,4\n", "line 2: frame 2, id 1.25: both are whole numbers"),
        ("0,1,0,0,4,4\n", "line 1: frame 0, id 1: both are whole numbers, and frames count from 1"),
        ("-3,-1,0,0,4,4\n", "line 1: frame -3, id -1: "),
        ("1,1,0,0,0,4\n", "line 1: a box needs a width and a height above 0"),
        ("1,1,0,nan,4,4\n", "line 1: a box needs a width and a height above 0"),
        ("99999999999999999999,1,0,0,4,4\n", "line 1: frames and people are counted up to 10000"),
        ("1,1e30,0,0,4,4\n", "line 1: frames and people are counted up to 10000"),
        ("1,1,0,0,4,4\n2,1,0,0,4,4\n1,1,9,9,4,4\n", "number 1 has two boxes in one frame"),
    ],
)
def test_what_is_no_track_file_is_refused_by_one_line(
    tmp_path: Path, text: str, message: str
) -> None:
    file = write(tmp_path / "mine.txt", text)
    result = CliRunner().invoke(main, ["tracking", str(file), str(file)])
    assert result.exit_code == 2
    assert message in result.stderr and len(result.stderr.splitlines()) == 1


def test_tracks_of_several_sources_are_refused(tmp_path: Path) -> None:
    track = {"number": 1, "box": [0, 0, 4, 4]}
    lines = [{"source": name, "frame": 0, "track": track} for name in "ab"]
    file = write(tmp_path / "run.jsonl", "\n".join(map(json.dumps, lines)))
    with pytest.raises(ConfigError, match="holds tracks of 2 sources: keep the lines of one"):
        read_tracks(file)


def test_the_command_says_it_in_a_table_and_in_json(tmp_path: Path) -> None:
    mine, truth = write(tmp_path / "mine.txt", MINE), write(tmp_path / "truth.txt", TRUTH)
    table = CliRunner().invoke(main, ["tracking", str(mine), str(truth)]).stdout
    assert table.startswith("12 boxes of 3 tracks against 11 of 2 people in 7 frames\n")
    assert "47.8 %" in table and "52.2 %" in table
    text = CliRunner().invoke(main, ["tracking", str(mine), str(truth), "--json"]).stdout
    assert json.loads(text)["id_switches"] == 2


_JUDGE = """\
import json, sys
from trackers.eval import evaluate_mot_sequence
result = evaluate_mot_sequence(*sys.argv[1:3], metrics=["CLEAR", "HOTA", "Identity"])
hota, clear, identity = result.HOTA, result.CLEAR, result.Identity
print(json.dumps([hota.HOTA, hota.DetA, hota.AssA, clear.MOTA, identity.IDF1, identity.IDP,
    identity.IDR, clear.IDSW, clear.CLR_FN, clear.CLR_FP]))
"""
_FIGURES = (
    "hota detection association mota idf1 id_precision id_recall id_switches misses false_boxes"
)


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python of its own: `trackers` brings the OpenCV with windows, which ours must not meet."""
    folder = tmp_path_factory.mktemp("judge")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    pip = [str(folder / "bin/pip"), "install", "-q", "trackers==2.6.1"]
    if subprocess.run(pip, capture_output=True).returncode:
        pytest.skip("trackers==2.6.1, the judge, cannot be installed")
    return folder / "bin/python"


def crowd(seed: int) -> tuple[str, str]:
    """A truth and tracks with trembling boxes, misses, false boxes and switched numbers."""
    rng = np.random.default_rng(seed)
    truth, mine = [], []
    place, step = rng.uniform(50, 500, (9, 2)), rng.normal(0, 6, (9, 2))
    for frame in range(1, 61):
        place += step
        numbers = np.roll(np.arange(9), rng.random() < 0.1)
        for person, (x, y) in enumerate(place):
            truth.append(f"{frame},{person},{x:.2f},{y:.2f},40,100,1")
            if rng.random() < 0.85:
                dx, dy, wider = rng.normal(0, 5, 3)
                mine.append(
                    f"{frame},{numbers[person]},{x + dx:.2f},{y + dy:.2f},{40 + wider:.2f},100,1"
                )
        if rng.random() < 0.3:
            x, y = rng.uniform(0, 500, 2)
            mine.append(f"{frame},{100 + frame // 9},{x:.2f},{y:.2f},40,100,1")
    return "\n".join(mine) + "\n", "\n".join(truth) + "\n"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
def test_the_judge_comes_to_the_same(judge: Path, tmp_path: Path, seed: int) -> None:
    mine, truth = crowd(seed)
    result = score(tmp_path, mine, truth)
    files = [str(tmp_path / "truth.txt"), str(tmp_path / "mine.txt")]
    text = subprocess.run(
        [str(judge), "-c", _JUDGE, *files], check=True, capture_output=True
    ).stdout
    assert [result[key] for key in _FIGURES.split()] == pytest.approx(json.loads(text), abs=1e-9)


def test_a_frame_before_the_first_is_refused(tmp_path: Path) -> None:
    line = {"frame": -1, "track": {"number": 1, "box": [0, 0, 4, 4]}}
    file = write(tmp_path / "run.jsonl", json.dumps(line))
    with pytest.raises(ConfigError, match="line 1: frame -1, and edge-run counts from 0"):
        read_tracks(file)
