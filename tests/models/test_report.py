"""Figures of a run and how sure they are."""

import json

import cv2
import numpy as np

from models.config import TrainingConfig
from models.evaluation import TaskResult
from models.report import write_report


def test_a_result_counts():
    result = TaskResult(np.array([0, 0, 1, 2]), np.array([0, 1, 1, 2]), ("a", "b", "c"))
    assert result.accuracy == 0.75
    assert result.confusion.tolist() == [[1, 1, 0], [0, 1, 0], [0, 0, 1]]


def test_a_report_has_pictures_and_figures(tmp_path):
    truth = np.arange(40)
    result = TaskResult(truth, truth[::-1], tuple(f"s{i}" for i in truth))
    curve = [0.5, 0.25]
    keys = ("loss", "val_loss", "reid_accuracy", "val_reid_accuracy")
    history = {"blocks": dict.fromkeys(keys, curve), "fine_tuning": dict.fromkeys(keys, curve)}
    write_report(tmp_path, TrainingConfig(seed=3), {"reid": result}, history, {"note": "x"})
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["accuracy"]["reid"]["accuracy"] == 0.0
    assert report["accuracy"]["reid"]["n"] == 40
    assert report["config"]["seed"] == 3 and report["note"] == "x"
    for name in ("learning_curves.png", "confusion_reid.png"):
        assert cv2.imread(str(tmp_path / name)).shape[0] > 300
