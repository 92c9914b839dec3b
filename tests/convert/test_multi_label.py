"""A network with several labels at once, from its logits to scored decisions."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from edge.bundle import Bundle, open_bundle, write_bundle
from edge.check.clips import Clips
from edge.check.self_test import self_test
from edge.cli import main as edge_run
from edge_benchmarks.cli import main as edge_bench
from edge_benchmarks.run.measurement import figures
from edge_common.errors import BundleError, ConfigError
from edge_convert.network import Output, read_card, tasks_of
from edge_convert.pipeline import Conversion
from edge_convert.request import ConversionRequest
from tests import tiny
from tests.conftest import BuiltOnce

LABELS = ["cat", "dog", "hat"]
ENTRY = {"kind": "multi-label", "labels": LABELS, "thresholds": [0.5, 0.45, 0.5], "top_k": 2}


def tags_model():
    """(4, 32, 32, 3) -> three logits."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(5)
    window = keras.Input((tiny.WINDOW, tiny.SIZE, tiny.SIZE, 3), name="window")
    maps = layers.TimeDistributed(tiny.frame_model(), name="maps")(window)
    pooled = layers.TimeDistributed(layers.GlobalAveragePooling2D(), name="pooled")(maps)
    fused = layers.GlobalMaxPooling1D()(layers.Conv1D(8, 2, activation="relu")(pooled))
    return keras.Model(window, {"tags": layers.Dense(3, name="tags")(fused)}, name="tags")


def labelled_clips() -> dict[str, np.ndarray]:
    clips = tiny.labelled_clips(24)["clips"]
    return {"clips": clips, "tags": np.random.default_rng(4).integers(0, 2, (24, 3))}


@pytest.fixture(scope="module")
def folder(built_once: BuiltOnce) -> Path:
    """tags.edge, clips.npz."""

    def build(folder: Path) -> None:
        tags_model().save(folder / "tags.keras")
        (folder / "names.json").write_text(json.dumps({"tasks": {"tags": ENTRY}}))
        np.savez(folder / "clips.npz", **labelled_clips())
        request = ConversionRequest(
            folder / "tags.keras", folder / "tags.edge", folder / "clips.npz",
            validation=folder / "clips.npz", tasks=folder / "names.json",
            encoder_precision="int8", head_precision="dynamic_range", gate=False,
        )  # fmt: skip
        conversion = Conversion(request)
        conversion.run()
        (drop,) = conversion.report.search.chosen.drops
        (folder / "drop.json").write_text(json.dumps([drop.task, drop.against, drop.n]))

    return built_once("multi-label", build)


@pytest.fixture(scope="module")
def bundle(folder: Path) -> Bundle:
    return open_bundle(folder / "tags.edge")


def test_a_bundle_holds_thresholds_and_says_that_older_programs_cannot_read_it(bundle) -> None:
    (task,) = bundle.manifest.tasks
    assert bundle.manifest.schema == 2
    assert (task.kind, task.labels) == ("multi-label", tuple(LABELS))
    assert (task.thresholds, task.top_k) == ((0.5, 0.45, 0.5), 2)


def test_bundles_of_other_kinds_are_as_they_were(tiny_bundle: Bundle, tmp_path: Path) -> None:
    import zipfile

    with zipfile.ZipFile(tiny_bundle.path) as archive:
        manifest = json.loads(archive.read("manifest.json"))
    assert manifest["schema"] == 1
    assert set(manifest["tasks"][0]) == {"name", "kind", "labels", "scale", "unit"}


def test_version_1_knows_no_such_kind(bundle: Bundle, tmp_path: Path) -> None:
    from dataclasses import replace

    with pytest.raises(ValueError, match="task kind 'multi-label' in version 1"):
        write_bundle(tmp_path / "x.edge", replace(bundle.manifest, schema=1), bundle.members)


def test_the_search_and_the_report_count_clips_with_all_labels_right(folder, bundle) -> None:
    assert json.loads((folder / "drop.json").read_text()) == ["tags", "labels", 24]
    accuracy = [(a.task, a.metric, a.graph, a.n) for a in bundle.manifest.accuracy]
    assert accuracy == [("tags", "accuracy", "float", 24), ("tags", "accuracy", "streamed", 24)]
    assert b"tags" in bundle.members["report.md"]


def test_it_passes_its_self_test(bundle: Bundle) -> None:
    assert self_test(bundle).exact


def test_a_run_writes_labels_and_draws_them(folder: Path, video_path: Path, tmp_path: Path) -> None:
    lines, video = tmp_path / "d.jsonl", tmp_path / "d.mp4"
    result = CliRunner().invoke(
        edge_run,
        [str(folder / "tags.edge"), "--source", str(video_path), "--jsonl", str(lines),
         "--save", str(video)],
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert video.stat().st_size
    decisions = [json.loads(line)["tasks"]["tags"] for line in lines.read_text().splitlines()]
    assert len(decisions) == 27
    for decision in decisions:
        assert list(decision) == ["labels", "p"] and list(decision["p"]) == LABELS
        holding = [x for x, t in zip(LABELS, ENTRY["thresholds"]) if decision["p"][x] >= t]
        assert set(decision["labels"]) <= set(holding) and len(decision["labels"]) <= 2
    _score(lines, tmp_path, sorted(decisions[0]["labels"]))


def _score(lines: Path, folder: Path, labels: list[str]) -> None:
    truth = folder / "truth.jsonl"
    arguments = ["score", str(lines), str(truth), "--window", "4"]
    truth.write_text(json.dumps({"first_frame": 0, "last_frame": 3, "tasks": {"tags": labels}}))
    score = json.loads(CliRunner().invoke(edge_bench, [*arguments, "--json"]).stdout)
    (task,) = score["tasks"]
    assert (task["metric"], task["decisions"]["right"], task["decisions"]["n"]) == (
        "accuracy",
        1,
        1,
    )
    truth.write_text('{"first_frame": 0, "last_frame": 3, "tasks": {"tags": ["cow"]}}')
    wrong = CliRunner().invoke(edge_bench, arguments)
    assert wrong.exit_code == 2
    assert "names cow, which is none of the bundle's labels: cat, dog, hat" in wrong.stderr


def test_accuracy_of_a_record_has_an_interval(bundle: Bundle) -> None:
    outputs = {"tags": np.array([[0.9, 0.1, 0.1], [0.9, 0.6, 0.1]], np.float32)}
    labels = {"tags": np.array([[1, 0, 0], [1, 0, 0]])}
    clips = Clips("two", np.zeros((2, 4, 2, 2, 3), np.uint8), labels)
    (figure,) = figures(bundle.manifest.tasks, outputs, clips)
    assert (figure.metric, figure.value, figure.n) == ("accuracy", 0.5, 2)
    assert figure.interval is not None


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"thresholds": [1.5]}, "has the threshold 1.5: it must be from 0 to 1"),
        ({"thresholds": [0.5, 0.5]}, "has 2 thresholds for 3 labels"),
        ({"thresholds": 0.5}, "thresholds"),
        ({"labels": ["cat"]}, "has 1 labels, and 3 are needed"),
        ({"kind": "classification"}, "task 'tags' is classification, which has no thresholds"),
        ({"kind": "multilabel"}, "has kind 'multilabel'; there are"),
    ],
)
def test_a_wrong_tasks_file_is_one_clear_line(tmp_path: Path, entry: dict, message: str) -> None:
    path = tmp_path / "m.tasks.json"
    path.write_text(json.dumps({"tasks": {"tags": {**ENTRY, "top_k": 0, **entry}}}))
    with pytest.raises(ConfigError, match=message):
        tasks_of({"tags": Output((3,), "sigmoid")}, read_card(tmp_path / "m.keras"))


def test_a_damaged_threshold_is_no_bundle(bundle: Bundle, tmp_path: Path) -> None:
    import zipfile

    path = tmp_path / "x.edge"
    with zipfile.ZipFile(bundle.path) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "manifest.json":
                content = content.replace(b"0.45", b"1.45")
            new.writestr(name, content)
    with pytest.raises(BundleError, match="has the threshold 1.45"):
        open_bundle(path)
