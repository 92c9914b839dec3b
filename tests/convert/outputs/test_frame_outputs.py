"""Networks that answer for each frame of the window: the newest frame's answer is the decision."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from click.testing import CliRunner
from keras import layers, ops

from edge.bundle import Bundle, open_bundle
from edge.check.self_test import self_test
from edge.engine.engine import Engine
from edge.stream import Stream, from_stored
from edge.tflite import flatbuffer
from edge_benchmarks.run import baselines
from edge_common import ConfigError
from edge_convert.cli import main
from edge_convert.frame_outputs import NewestFrame, labels_of_newest, newest_frames
from edge_convert.network import TaskEntry
from edge_convert.pipeline import Conversion
from edge_convert.precision.activations import observe
from edge_convert.precision.quantiser import quantised
from edge_convert.precision.recipes import INT8
from edge_convert.probabilities import Output
from edge_convert.request import ConversionRequest
from tests import tiny
from tests.conftest import BuiltOnce

T = tiny.WINDOW
AGES = ["child", "youth", "adult", "old"]
TASKS = {
    "act": {"kind": "classification", "labels": ["a", "b", "c", "d", "e"]},
    "on": {"kind": "binary"},
    "speed": {"kind": "regression", "scale": 2.0, "unit": "m/s", "per_frame": True},
    "who": {"kind": "embedding"},
    "age": {"kind": "ordinal", "labels": AGES},
}


def network() -> keras.Model:
    """(4, 32, 32, 3) -> (4, 5), (4, 1), 4 flat, (4, 6), and three logits of ordered labels."""
    keras.utils.set_random_seed(7)
    window = keras.Input((T, tiny.SIZE, tiny.SIZE, 3))
    maps = layers.TimeDistributed(tiny.frame_model())(window)
    pooled = layers.TimeDistributed(layers.GlobalAveragePooling2D())(maps)
    steps = layers.GRU(8, return_sequences=True)(pooled)

    def dense(width: int, activation: str | None = None):
        return layers.TimeDistributed(layers.Dense(width, activation))(steps)

    shared = layers.Dense(1)(steps[:, -1])
    outputs = {
        "act": dense(5, "softmax"),
        "on": dense(1, "sigmoid"),
        "speed": layers.Flatten()(dense(1)),
        "who": dense(6),
        "age": ops.tile(shared, (1, 3)) * 5 + np.array([0.6, 0.1, -0.4], np.float32),
    }
    return keras.Model(window, outputs)


def labels(count: int) -> dict[str, np.ndarray]:
    """Of each frame, but for one task."""
    draw = np.random.default_rng(5)
    return {
        "act": draw.integers(0, 5, (count, T)),
        "on": draw.integers(0, 2, (count, T)),
        "speed": draw.random((count, T)),
        "age": draw.integers(0, 4, count),
    }


def convert(
    folder: Path, network: keras.Model, tasks: dict, labels: dict, encoder: str, head: str
) -> None:
    """Of 24 labelled clips, in those precisions."""
    network.save(folder / "net.keras")
    (folder / "net.tasks.json").write_text(json.dumps({"tasks": tasks}))
    np.savez(folder / "clips.npz", clips=tiny.labelled_clips(24)["clips"], **labels)
    arguments = [folder / "net.keras", "-o", folder / "net.edge", "--calibration",
                 folder / "clips.npz", "--validation", folder / "clips.npz", "--no-gate",
                 "--encoder-precision", encoder, "--head-precision", head]  # fmt: skip
    done = CliRunner().invoke(main, list(map(str, arguments)))
    assert done.exit_code == 0, done.output
    (folder / "lines.txt").write_text(done.output)


@pytest.fixture(scope="module")
def folder(built_once: BuiltOnce) -> Path:
    """net.keras, clips.npz, net.edge, lines.txt: what was said."""

    def build(folder: Path) -> None:
        convert(folder, network(), TASKS, labels(24), "float32", "float32")

    return built_once("frame-outputs", build)


@pytest.fixture(scope="module")
def bundle(folder: Path) -> Bundle:
    return open_bundle(folder / "net.edge")


@pytest.fixture(scope="module")
def clips() -> np.ndarray:
    return tiny.labelled_clips(24)["clips"]


def streamed(bundle: Bundle, clip: np.ndarray):
    stream = Stream(bundle)
    for frame in clip:
        decision = stream.push(from_stored(frame, bundle.manifest.input))
    return decision.tasks


def test_the_newest_frame_decides(folder: Path, bundle: Bundle, clips: np.ndarray) -> None:
    answers = keras.models.load_model(folder / "net.keras")(clips[:3].astype(np.float32))
    for number, clip in enumerate(clips[:3]):
        tasks = streamed(bundle, clip)
        for name, axis in (("act", -1), ("on", -1), ("who", -1)):
            expected = np.asarray(answers[name])[number, axis]
            np.testing.assert_allclose(tasks[name].scores, expected, atol=2e-4)
        assert tasks["speed"].value == pytest.approx(
            2 * float(answers["speed"][number, -1]), abs=1e-3
        )
        assert (tasks["act"].index, tasks["speed"].unit) == (
            int(tasks["act"].scores.argmax()),
            "m/s",
        )
    shapes = {t.name: t.shape for t in bundle.manifest.last_part.outputs}
    assert shapes == {"act": (1, 5), "on": (1, 1), "speed": (1, 1), "who": (1, 6), "age": (1, 3)}
    assert bundle.manifest.streaming == "window-ring" and self_test(bundle).exact


def test_labels_of_all_frames_score_the_newest(bundle: Bundle, folder: Path, clips) -> None:
    answers = keras.models.load_model(folder / "net.keras").predict(clips.astype("f4"), verbose=0)
    truth, scored = labels(24), {a.task: a for a in bundle.manifest.accuracy if a.graph == "float"}
    right = (answers["act"][:, -1].argmax(1) == truth["act"][:, -1]).mean()
    assert (scored["act"].n, scored["act"].value) == (24, pytest.approx(right))
    error = np.abs(2 * answers["speed"][:, -1] - truth["speed"][:, -1]).mean()
    assert scored["speed"].value == pytest.approx(error, rel=1e-3)


def test_one_line_says_what_decides(folder: Path) -> None:
    lines = (folder / "lines.txt").read_text()
    assert "'act' gives (4, 5), an answer for each of 4 frames: the newest frame's decides" in lines
    assert "'speed' gives (4), an answer for each of 4 frames" in lines
    assert "'age' gives" not in lines.replace("'age' gives prob", "")


def test_ordered_logits_become_a_label(folder: Path, bundle: Bundle, clips: np.ndarray) -> None:
    assert bundle.manifest.schema == 9
    logits = np.asarray(
        keras.models.load_model(folder / "net.keras")(clips[:4].astype("f4"))["age"]
    )
    for clip, row in zip(clips, logits):
        answer = streamed(bundle, clip)["age"]
        beyond = 1 / (1 + np.exp(-row))
        np.testing.assert_allclose(answer.scores, beyond, atol=1e-4)
        assert answer.label == AGES[int((row >= 0).sum())]


def test_baselines_are_compared_by_the_newest_frame(folder: Path, bundle: Bundle, clips) -> None:
    whole = baselines.load_whole_window(folder / "net.keras", bundle)
    target = baselines.keras_target(whole.model, bundle.manifest)
    outputs = target.outputs(list(clips[:3]), lambda: None)
    for name, width in {"act": 5, "on": 1, "speed": 1, "who": 6}.items():
        streamed_scores = np.stack([streamed(bundle, clip)[name].scores for clip in clips[:3]])
        assert outputs[name].shape == (3, width)
        np.testing.assert_allclose(outputs[name], streamed_scores, atol=2e-4)


@pytest.mark.parametrize(
    ("shape", "entry", "newest"),
    [
        ((4, 5), None, NewestFrame((4, 5), 0)),
        ((5, 4), None, NewestFrame((5, 4), 1)),
        ((4, 1), None, NewestFrame((4, 1), 0)),
        ((4, 1), TaskEntry("classification", tuple("abcd")), None),
        ((4, 1), TaskEntry("binary"), NewestFrame((4, 1), 0)),
        ((1, 4), None, None),
        ((1, 4, 5), None, NewestFrame((1, 4, 5), 1)),
        ((20,), None, None),
        ((20,), TaskEntry("classification", per_frame=True), NewestFrame((20,), 0, 5)),
        ((1, 20), TaskEntry("classification", per_frame=True), NewestFrame((1, 20), 1, 5)),
        ((4,), TaskEntry("regression", per_frame=True), NewestFrame((4,), 0, 1)),
        ((4, 4), TaskEntry("classification", per_frame=True), NewestFrame((4, 4), 0)),
        ((4, 4), TaskEntry("classification", per_frame=False), None),
        ((2, 5), TaskEntry("classification", per_frame=True), NewestFrame((2, 5), 0)),
        ((2, 5), None, None),
        ((5,), None, None),
    ],
)  # fmt: skip
def test_the_shape_says_which_axis_the_frames_are(shape, entry, newest) -> None:
    entries = {"a": entry} if entry else {}
    assert newest_frames({"a": Output(shape, "")}, 4, entries) == ({"a": newest} if newest else {})
    if newest:
        values = np.arange(np.prod(shape)).reshape(1, *shape)
        begin, size = newest.box
        part = values[tuple(slice(b, b + n) for b, n in zip(begin, size))]
        assert newest.of(values).ravel().tolist() == part.ravel().tolist()
        assert newest.of(values[0]).ravel().tolist() == part.ravel().tolist()
        assert part.size == np.prod(newest.result) and newest.result[0] == 1


@pytest.mark.parametrize(
    ("shape", "entry", "message"),
    [
        ((4, 4), None, r"has shape \(4, 4\), and the window 4 frames: say in MODEL.tasks.json"),
        (
            (22,),
            TaskEntry("embedding", per_frame=True),
            "its 22 numbers are no multiple of the win",
        ),
    ],
)
def test_what_no_shape_says_is_one_line(shape, entry, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        newest_frames({"a": Output(shape, "")}, 4, {"a": entry} if entry else {})


def test_labels_of_newest_frames_are_the_last_ones() -> None:
    newest = {"a": NewestFrame((4, 5), 0)}
    both = labels_of_newest({"a": np.arange(8).reshape(2, 4), "b": np.zeros((2, 4))}, newest)
    assert both["a"].tolist() == [3, 7] and both["b"].shape == (2, 4)


def test_frames_in_the_place_of_a_batch_are_found(tmp_path: Path) -> None:
    """As PyTorch's `x.view(-1, n)` leaves them."""
    weights = tf.constant(np.random.default_rng(0).normal(0, 1, (3, 5)), tf.float32)

    class Folded(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((1, T, 8, 8, 3), tf.float32)])
        def __call__(self, clip):
            means = tf.cumsum(tf.reduce_mean(clip, (2, 3)), 1)
            return tf.nn.softmax(tf.reshape(means, (-1, 3)) @ weights / 100)

    module = Folded()
    concrete = module.__call__.get_concrete_function()
    path = tmp_path / "folded.tflite"
    path.write_bytes(tf.lite.TFLiteConverter.from_concrete_functions([concrete], module).convert())
    assert Engine(path.read_bytes()).outputs[0].shape == (T, 5)
    np.savez(tmp_path / "clips.npz", clips=tiny.labelled_clips(24)["clips"][:, :, ::4, ::4])
    bundle = Conversion(
        ConversionRequest(
            path,
            tmp_path / "x.edge",
            tmp_path / "clips.npz",
            gate=False,
            encoder_precision="float32",
            head_precision="float32",
        )
    ).run()
    (task,) = bundle.manifest.tasks
    clip = tiny.labelled_clips(24)["clips"][0, :, ::4, ::4]
    expected = module(tf.constant(clip[None], tf.float32)).numpy()[-1]
    assert (task.kind, len(task.labels)) == ("classification", 5)
    np.testing.assert_allclose(streamed(bundle, clip)[task.name].scores, expected, atol=1e-4)


def test_a_quantised_file_answers_with_the_newest_frame(tmp_path: Path) -> None:
    window = keras.Input(batch_shape=(1, T, 8, 8, 3))
    means = ops.cumsum(ops.mean(window / 255, axis=(2, 3)), axis=1)
    keras.utils.set_random_seed(2)
    model = keras.Model(window, {"act": layers.Dense(5)(means)})
    clips = tiny.labelled_clips(24)["clips"][:, :, ::4, ::4]
    np.savez(tmp_path / "clips.npz", clips=clips, act=np.zeros((24, T), np.int64))
    converted = tf.lite.TFLiteConverter.from_keras_model(model).convert()
    (name,) = flatbuffer.signature(converted)[0]
    fixed = {flatbuffer.tensor_names(converted)[name]: (0.0, 255.0)}
    ranges = observe(converted, {name: clips.astype(np.float32)}).ranges("min-max", fixed)
    path = tmp_path / "act.tflite"
    path.write_bytes(quantised(converted, INT8, ranges))
    (tmp_path / "act.tasks.json").write_text('{"tasks": {"act": {"kind": "classification"}}}')
    arguments = [path, "-o", tmp_path / "act.edge", "--calibration", tmp_path / "clips.npz",
                 "--validation", tmp_path / "clips.npz", "--no-gate"]  # fmt: skip
    done = CliRunner().invoke(main, list(map(str, arguments)))
    assert done.exit_code == 0, done.output
    assert "'act' gives (4, 5), an answer for each of 4 frames" in done.output
    bundle = open_bundle(tmp_path / "act.edge")
    logits = np.asarray(model(clips[:1].astype("f4"))["act"])[0, -1]
    scores = streamed(bundle, clips[0])["act"].scores
    expected = np.exp(logits) / np.exp(logits).sum()
    np.testing.assert_allclose(scores, expected, atol=0.05)
    assert bundle.manifest.accuracy[0].n == 24
