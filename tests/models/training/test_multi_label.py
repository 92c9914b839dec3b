"""A table with lists of labels, trained from pixels and converted."""

import json
import re
from pathlib import Path

import keras
import numpy as np
import pytest
from click.testing import CliRunner

from edge.tasks import Task
from edge_common.errors import ConfigError
from edge_convert.network import read_card
from edge_models.cli import main
from edge_models.datasets.from_files import ClipRequest
from edge_models.datasets.kinds import load_data
from edge_models.datasets.labelled_clips import ClipsSection
from edge_models.evaluation.task_reports import REPORTS
from edge_models.networks import backbones
from tests.models import data_files
from tests.models.training.test_end_to_end import NETWORK, WHOLE, tiny_backbone

CELLS = ("walk|front", "", "run", "front|run")
KINDS = {"tags": "multi-label"}


def clips_with_tags(folder: Path) -> Path:
    data_files.labelled_clips(folder)
    paths = sorted(folder.glob("*/*.mp4"))
    rows = [f"{p.relative_to(folder)},{CELLS[i % 4]},{20 + i}" for i, p in enumerate(paths)]
    (folder / "t.csv").write_text("\n".join(["clip,tags,age[years]", *rows]) + "\n")
    return folder


def load(folder: Path, **options):
    section = ClipsSection(path=str(folder), table="t.csv", **options)
    return load_data(section, ClipRequest(3, 32, 1, folder.parent / "cache"))


def test_a_column_of_lists(tmp_path: Path) -> None:
    data = load(clips_with_tags(tmp_path / "clips"), kinds=KINDS)
    tags, age = data.tasks
    assert tags == Task("tags", "multi-label", ("front", "run", "walk"), thresholds=(0.5,))
    assert age.kind == "regression"
    labels = data.train.labels["tags"]
    assert labels.dtype == np.int64 and labels.shape == (len(data.train), 3)
    assert {tuple(row) for row in labels.tolist()} <= {(1, 0, 1), (0, 0, 0), (0, 1, 0), (1, 1, 0)}


def test_a_label_that_is_unknown_skips_its_row(tmp_path: Path) -> None:
    folder = clips_with_tags(tmp_path / "clips")
    data = load(folder, kinds=KINDS, labels={"tags": "run | walk"})
    assert data.tasks[0].labels == ("run", "walk")
    reasons = {item.reason for item in data.skipped}
    assert reasons == {"tags names front, which is none of run, walk"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kinds": {"tags": "multilabel"}}, "data.kinds.tags is 'multilabel'"),
        ({"kinds": {"tags": "embedding"}}, "data.kinds.tags is 'embedding'"),
        ({"kinds": {"tag": "multi-label"}}, "names the column 'tag', and t.csv has none"),
        ({"labels": {"tagz": "a|b"}}, "names the column 'tagz', and t.csv has none"),
    ],
)
def test_a_training_file_that_does_not_fit_is_one_line(tmp_path, options, message) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        load(clips_with_tags(tmp_path / "clips"), **options)


def test_figures_of_each_label() -> None:
    task = Task("tags", "multi-label", ("a", "b"))
    truth = np.array([[1, 0], [1, 1], [0, 0], [0, 0]])
    outputs = np.array([[0.9, 0.1], [0.9, 0.2], [0.1, 0.1], [0.8, 0.0]], np.float32)
    report = REPORTS[task.kind]
    result = report.result(task, truth, outputs, np.arange(4))
    assert result.accuracy == 0.5 and str(result) == "all labels right in 50.00% of 4 test clips"
    a, b = result.by_label()
    assert (a.precision, a.recall, a.support) == (pytest.approx(2 / 3), 1.0, 2)
    assert np.isnan(b.precision) and (b.recall, b.support) == (0.0, 1)
    examples = report.examples(task, result, outputs, np.random.default_rng(0))
    captions = [example.caption for example in examples]
    assert [caption.startswith("**right**") for caption in captions] == [True, True, False, False]
    assert "**wrong**: a; it is none. Explained: a (0.80)" in captions


def test_lists_of_labels_are_learnt_measured_and_exported(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setitem(backbones.BACKBONES, "tiny", tiny_backbone)
    clips_with_tags(tmp_path / "data")
    config = tmp_path / "run.toml"
    config.write_text(
        f'{NETWORK}\n[data]\nkind = "clips"\ntable = "t.csv"\n'
        f'[data.kinds]\ntags = "multi-label"\n{WHOLE}'
    )
    result = CliRunner().invoke(
        main,
        [str(config), "--data", str(tmp_path / "data"), "-o", str(tmp_path / "m.keras"),
         "--export-clips", str(tmp_path / "sets")],
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "tags: all labels right in" in result.output
    model = keras.saving.load_model(tmp_path / "m.keras", compile=False)
    assert model.output["tags"].shape == (None, 3)
    card = read_card(tmp_path / "m.keras")
    assert (card.tasks["tags"].kind, card.tasks["tags"].thresholds) == ("multi-label", (0.5,))
    report = json.loads((tmp_path / "m_report/report.json").read_text())
    assert len(report["accuracy"]["tags"]["labels"]) == 3
    assert len(report["history"]["whole"]["val_tags_binary_accuracy"]) == 2
    page = (tmp_path / "m_report/report.html").read_text()
    assert "accuracy of single labels, tags" in page and "Task tags" in page
    with np.load(tmp_path / "sets/test.npz") as sets:
        assert sets["tags"].shape == (len(sets["clips"]), 3)
