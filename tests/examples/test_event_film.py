"""Films with known intervals are what their truth says."""

import csv
import json
from pathlib import Path

import cv2
import numpy as np
from click.testing import CliRunner

from examples.event_film import main


def table(folder: Path, rows: list[dict[str, str]]) -> None:
    with (folder / "index.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def film(folder: Path, kind: str, part: str) -> tuple[int, list[dict]]:
    """Frames, and the truth."""
    out = folder / "out"
    arguments = [kind, "--data", str(folder), "--part", part, "--minutes", "0.5", "-o", str(out)]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    truth = [json.loads(line) for line in (out / "truth.jsonl").read_text().splitlines()]
    frames = int(cv2.VideoCapture(str(out / "film.avi")).get(cv2.CAP_PROP_FRAME_COUNT))
    return frames, truth


def test_faces_are_shaken_when_the_truth_says_so(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    cv2.imwrite(str(tmp_path / "a.png"), random.integers(0, 255, (40, 40), np.uint8))
    table(tmp_path, [{"file": "a.png", "split": "test"}, {"file": "none.png", "split": "train"}])
    frames, truth = film(tmp_path, "faces", "test")
    assert frames >= 30 * 25
    assert truth
    for each in truth:
        assert each["alert"] == "shake"
        assert 2 <= each["end_s"] - each["start_s"] <= 4


def test_visits_follow_each_other_without_a_gap(tmp_path: Path) -> None:
    rows = []
    for person in ("F01", "M01"):
        writer = cv2.VideoWriter(
            str(tmp_path / f"{person}.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 15.0, (32, 32)
        )
        for _ in range(10):
            writer.write(np.full((32, 32, 3), 90, np.uint8))
        writer.release()
        clip = {"clip": f"{person}.avi", "kind": "phrases", "person": person}
        rows += [clip | {"repetition": "05"}, clip | {"repetition": "01", "clip": "none.avi"}]
    table(tmp_path, rows)
    frames, truth = film(tmp_path, "lips", "film")
    assert truth[-1]["end_s"] * 15 == frames
    for before, after in zip(truth, truth[1:]):
        assert before["end_s"] == after["start_s"]
        assert before["alert"] != after["alert"]


def test_a_clip_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    table(tmp_path, [{"file": "none.png", "split": "test"}])
    arguments = ["faces", "--data", str(tmp_path), "--part", "test", "-o", str(tmp_path / "out")]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert "none.png cannot be read" in result.stderr
    assert not (tmp_path / "out" / "film.avi").exists()
