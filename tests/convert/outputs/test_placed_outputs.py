"""Points, boxes and maps from a network to decisions in pixels of the frame, drawn into a video."""

import json
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest
from click.testing import CliRunner
from keras import layers, ops

from edge.bundle import Bundle, open_bundle, write_bundle
from edge.check.self_test import self_test
from edge.cli import main as edge_run
from edge.stream import Stream, from_stored
from edge_common import ConfigError, ModelError
from edge_convert.network import ModelCard, TaskEntry, tasks_of
from edge_convert.probabilities import Output
from tests import tiny
from tests.conftest import BuiltOnce
from tests.convert.outputs.test_frame_outputs import convert

POINTS = ["nose", "left", "right"]
SCENE = ["background", "hand", "cup"]
TASKS = {
    "pose": {"kind": "keypoints", "labels": POINTS,
             "points": {"order": "yx", "skeleton": [["nose", "left"], ["nose", "right"]]}},
    "joints": {"kind": "heat-map", "labels": POINTS},
    "hand": {"kind": "box", "labels": ["hand"], "points": {"order": "cxcywh"}},
    "mask": {"kind": "map", "labels": ["person"]},
    "scene": {"kind": "map", "labels": SCENE},
}  # fmt: skip


def network() -> keras.Model:
    """(4, 32, 32, 3) -> points (3, 3), a box (4,), maps (8, 8, 3), (8, 8, 1) and logits (8, 8, 3)."""
    keras.utils.set_random_seed(3)
    window = keras.Input((tiny.WINDOW, tiny.SIZE, tiny.SIZE, 3))
    maps = ops.mean(layers.TimeDistributed(tiny.frame_model())(window), axis=1)
    pooled = layers.GlobalAveragePooling2D()(maps)
    outputs = {
        "pose": layers.Reshape((3, 3))(layers.Dense(9, "sigmoid")(pooled)),
        "hand": layers.Dense(4, "sigmoid")(pooled),
        "joints": layers.Conv2D(3, 3, padding="same")(maps),
        "mask": layers.Conv2D(1, 1, activation="sigmoid")(maps - ops.mean(maps, (1, 2), True)),
        "scene": layers.Conv2D(3, 1)(maps) * 6,
    }
    return keras.Model(window, outputs)


@pytest.fixture(scope="module")
def folder(built_once: BuiltOnce) -> Path:
    """net.keras, clips.npz, net.edge, lines.txt: what was said."""

    def build(folder: Path) -> None:
        draw = np.random.default_rng(2)
        labels = {"pose": draw.random((24, 3, 2)), "joints": draw.random((24, 3, 2)),
                  "hand": draw.random((24, 1, 4)),
                  "mask": draw.integers(0, 2, (24, 8, 8)),
                  "scene": draw.integers(0, 3, (24, 8, 8))}  # fmt: skip
        convert(folder, network(), TASKS, labels, "int8", "dynamic_range")

    return built_once("placed-outputs", build)


@pytest.fixture(scope="module")
def bundle(folder: Path) -> Bundle:
    return open_bundle(folder / "net.edge")


def test_a_decision_is_what_keras_answers_in_pixels_of_the_frame(
    folder: Path, bundle: Bundle
) -> None:
    clip = tiny.labelled_clips(24)["clips"][0]
    model = keras.models.load_model(folder / "net.keras")
    expected = {n: np.asarray(v)[0] for n, v in model(clip[None].astype("f4")).items()}
    stream = Stream(bundle)
    for frame in clip:
        wide = cv2.resize(frame, (64, 32), interpolation=cv2.INTER_NEAREST)
        decision = stream.push(from_stored(wide, bundle.manifest.input))
    for number, name in enumerate(POINTS):
        y, x, score = expected["pose"][number]
        assert decision.tasks["pose"].points[name] == pytest.approx((64 * x, 32 * y, score), abs=2)
    x, y, width, height = expected["hand"]
    box = (64 * (x - width / 2), 32 * (y - height / 2), 64 * width, 32 * height)
    assert decision.tasks["hand"].boxes == {"hand": pytest.approx(box, abs=2)}
    share = (expected["mask"] >= 0.5).mean()
    assert decision.tasks["mask"].areas["person"].share == pytest.approx(share, abs=0.1)
    logits = expected["scene"]
    shares = {x: a.share for x, a in decision.tasks["scene"].areas.items()}
    assert shares == pytest.approx(
        {x: (logits.argmax(-1) == i).mean() for i, x in enumerate(SCENE)}, abs=0.1
    )
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    scores = decision.tasks["scene"].scores.reshape(logits.shape)
    np.testing.assert_allclose(scores, powers / powers.sum(-1, keepdims=True), atol=0.15)


def test_the_manifest_says_what_they_are_and_releases_before_refuse_it(bundle, tmp_path) -> None:
    tasks = {task.name: task for task in bundle.manifest.tasks}
    assert bundle.manifest.schema == 12
    assert tasks["pose"].points.skeleton == (("nose", "left"), ("nose", "right"))
    assert tasks["joints"].grid == tasks["mask"].grid == tasks["scene"].grid == (8, 8)
    from dataclasses import replace

    with pytest.raises(ValueError, match="task kind 'box' in version 11"):
        write_bundle(tmp_path / "x.edge", replace(bundle.manifest, schema=11), bundle.members)


def test_they_are_scored_by_distance_and_by_pixels(folder: Path, bundle: Bundle) -> None:
    metrics = {(a.task, a.metric) for a in bundle.manifest.accuracy}
    assert metrics == {("pose", "mean_distance"), ("joints", "mean_distance"),
                       ("hand", "box_error"), ("mask", "pixel_error"), ("scene", "pixel_error")}  # fmt: skip
    with np.load(folder / "clips.npz") as clips:
        model = keras.models.load_model(folder / "net.keras")
        answers = model.predict(clips["clips"].astype("f4"), verbose=0)
        off = answers["pose"][..., 1::-1] - clips["pose"]
        wrong = (answers["scene"].argmax(-1) != clips["scene"]).mean()
    floats = {a.task: a.value for a in bundle.manifest.accuracy if a.graph == "float"}
    assert floats["pose"] == pytest.approx(np.linalg.norm(off, axis=-1).mean(), rel=1e-3)
    assert floats["scene"] == pytest.approx(wrong, abs=2e-3)
    lines = (folder / "lines.txt").read_text()
    assert "'scene' ends in logits" in lines and "'mask' gives probabilities" in lines
    assert self_test(bundle).exact


def test_a_run_writes_and_draws_them(folder: Path, video_path: Path, tmp_path: Path) -> None:
    lines, video = tmp_path / "d.jsonl", tmp_path / "d.mp4"
    arguments = [folder / "net.edge", "--source", video_path, "--jsonl", lines, "--save", video]
    result = CliRunner().invoke(edge_run, list(map(str, arguments)))
    assert result.exit_code == 0, result.output
    tasks = json.loads(lines.read_text().splitlines()[0])["tasks"]
    assert list(tasks["pose"]) == ["points"] and list(tasks["pose"]["points"]) == POINTS
    assert list(tasks["hand"]) == ["boxes"] and len(tasks["hand"]["boxes"]["hand"]) == 4
    assert all(len(point) == 3 for point in tasks["joints"]["points"].values())
    assert sum(area["share"] for area in tasks["scene"]["areas"].values()) == pytest.approx(
        1, abs=1e-3
    )
    assert len(lines.read_text().splitlines()[0]) < 2000 and video.stat().st_size


@pytest.mark.parametrize(
    ("shape", "entry", "message"),
    [
        (
            (3, 4),
            {"kind": "keypoints"},
            r"is keypoints, but has shape \(3, 4\): say in MODEL.tasks",
        ),
        ((7, 9), {"kind": "classification"}, r"is classification, but has shape \(7, 9\)"),
        (
            (7, 9),
            None,
            r"'a' has shape \(7, 9\): say in MODEL.tasks.json what it is, \"per_frame\"",
        ),
        ((8, 8, 3), {"kind": "map", "labels": ("a", "b")}, "has 2 labels, and 3 are needed"),
        ((12,), {"kind": "map"}, r"is map, but has shape \(12,\)"),
    ],
)
def test_a_shape_that_fits_no_kind_is_one_line(shape, entry, message: str) -> None:
    card = ModelCard({"a": TaskEntry(**entry)} if entry else {})
    with pytest.raises((ConfigError, ModelError), match=message):
        tasks_of({"a": Output(shape, "linear")}, card)


@pytest.mark.parametrize(
    ("shape", "labels", "points"),
    [((5, 2), (), 5), ((1, 1, 5, 3), (), 5), ((10,), (), 5), ((12,), tuple("abcd"), 4)],
)
def test_points_are_counted_by_the_shape_or_by_their_names(shape, labels, points: int) -> None:
    card = ModelCard({"a": TaskEntry("keypoints", labels)})
    (task,) = tasks_of({"a": Output(shape, "linear")}, card)
    assert len(task.labels) == points
