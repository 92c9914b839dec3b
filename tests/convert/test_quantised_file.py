"""A .tflite that is quantised already goes into a bundle as it is."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from click.testing import CliRunner
from keras import layers, ops

from edge.bundle import Bundle, InputSpec, Resize, open_bundle
from edge.check.self_test import self_test
from edge.engine.engine import Engine
from edge.tflite import flatbuffer
from edge_convert.cli import main
from edge_convert.cut.tflite.main_graph import sign
from edge_convert.precision.activations import observe
from edge_convert.precision.quantiser import quantised
from edge_convert.precision.recipes import INT8, Recipe
from tests import tiny

LABELS = ["a", "b", "c"]
CARD = {"tasks": {"kind": {"kind": "classification", "labels": LABELS}}, "licence": "MIT"}


def _network(activation: str | None, window: bool) -> keras.Model:
    """Two tasks over a picture, or over the mean of a window that is folded into the batch."""
    keras.utils.set_random_seed(1)
    picture = (tiny.SIZE, tiny.SIZE, 3)
    given = keras.Input(batch_shape=(1, tiny.WINDOW, *picture) if window else (1, *picture))
    x = tiny.frame_model(16)(ops.reshape(given, (-1, *picture)))
    x = layers.GlobalAveragePooling2D()(x)
    x = ops.mean(ops.reshape(x, (1, -1, 32)), axis=1)
    kind = layers.Dense(3, activation=activation, name="kind")(x)
    return keras.Model(given, {"kind": kind, "size": layers.Dense(1, name="size")(x)})


def _float_model(activation: str | None, window: bool) -> tuple[bytes, str, np.ndarray]:
    """The network as a float .tflite, its input's name, and examples for it."""
    model = tf.lite.TFLiteConverter.from_keras_model(_network(activation, window)).convert()
    (given,) = flatbuffer.signature(model)[0]
    frames = tiny.labelled_clips(8)["clips"].astype(np.float32)
    return model, given, frames if window else frames[:, 0]


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> dict[str, Path]:
    """A picture and a window in int8, one that ends in logits, one with only its weights in int8."""
    folder, paths = tmp_path_factory.mktemp("models"), {}
    for name, activation, window, recipe in (
        ("picture", "softmax", False, INT8),
        ("window", "softmax", True, INT8),
        ("logits", None, False, INT8),
        ("weights", "softmax", False, Recipe("dynamic_range")),
    ):
        model, given, examples = _float_model(activation, window)
        fixed = {flatbuffer.tensor_names(model)[given]: (0.0, 255.0)}
        ranges = observe(model, {given: examples}).ranges("min-max", fixed)
        paths[name] = folder / f"{name}.tflite"
        paths[name].write_bytes(quantised(model, recipe, ranges))
        (folder / f"{name}.tasks.json").write_text(json.dumps(CARD))
    return paths


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> dict[int, Path]:
    """Labelled clips by their number of frames."""
    folder, held = tmp_path_factory.mktemp("clips"), tiny.labelled_clips(6)
    np.savez(folder / "4.npz", **held)
    np.savez(folder / "1.npz", **{**held, "clips": held["clips"][:, :1]})
    return {frames: folder / f"{frames}.npz" for frames in (1, 4)}


def _wrap(cli: CliRunner, model: Path, output: Path, clips: Path, *options: str) -> Bundle:
    arguments = [str(model), "-o", str(output), "--calibration", str(clips), *options]
    done = cli.invoke(main, arguments)
    assert done.exit_code == 0, done.output
    return open_bundle(output)


@pytest.mark.parametrize(
    ("name", "streaming", "window", "precision"),
    [
        ("picture", "single-frame", 1, "int8"),
        ("window", "whole-window", 4, "int8"),
        ("weights", "single-frame", 1, "dynamic_range"),
    ],
)
def test_it_stays_as_it_is(
    cli, models, clips, tmp_path: Path, name: str, streaming: str, window: int, precision: str
) -> None:
    bundle = _wrap(cli, models[name], tmp_path / "x.edge", clips[window])
    manifest = bundle.manifest
    assert bundle.members["model.tflite"] == models[name].read_bytes()
    assert (manifest.streaming, manifest.window) == (streaming, window)
    assert [(p.role, p.precision) for p in manifest.parts] == [("model", precision)]
    assert [(t.name, t.kind, t.labels) for t in manifest.tasks] == [
        ("kind", "classification", tuple(LABELS)),
        ("size", "regression", ()),
    ]
    assert manifest.licence == "MIT" and manifest.calibration.clips == 0
    assert manifest.input.value_range == pytest.approx((0.0, 255.0))
    assert self_test(bundle).exact


def test_its_golden_decisions_are_those_of_the_file(cli, models, clips, tmp_path: Path) -> None:
    golden = _wrap(cli, models["picture"], tmp_path / "x.edge", clips[1]).golden
    model = models["picture"].read_bytes()
    engine, outputs = Engine(model), flatbuffer.signature(model)[1]
    for frame, kind in zip(golden["frames"], golden["kind"]):
        np.copyto(engine.input(), (frame.astype(int) - 128)[None], casting="unsafe")
        engine.invoke()
        tensor = engine.outputs[outputs["kind"]]
        steps = engine.output(outputs["kind"]).astype(np.float32)[0]
        assert np.array_equal((steps - tensor.zero_point) * np.float32(tensor.scale), kind)


def test_the_report_says_what_could_not_be_compared(cli, models, clips, tmp_path: Path) -> None:
    given = ("--validation", str(clips[4]), "--report", str(tmp_path / "x.html"))
    bundle = _wrap(cli, models["window"], tmp_path / "x.edge", clips[4], *given)
    report = bundle.members["report.md"].decode()
    assert "There is no float network to hold its answers against" in report
    assert "One part: it is quantised already" in report
    assert "| ring against whole windows, same parts, largest difference | 0 |" in report
    assert "nan" not in report and "--whole-window" not in report
    assert {(a.task, a.graph, a.n) for a in bundle.manifest.accuracy} == {
        ("kind", "streamed", 6),
        ("size", "streamed", 6),
    }
    assert "no float network" in (tmp_path / "x.html").read_text()


def test_logits_become_probabilities(cli, models, clips, tmp_path: Path) -> None:
    bundle = _wrap(cli, models["logits"], tmp_path / "x.edge", clips[1])
    assert np.allclose(bundle.golden["kind"].sum(axis=1), 1.0, atol=1e-3)
    assert bundle.manifest.parts[0].precision == "int8"
    assert [t.dtype for t in bundle.manifest.parts[0].outputs] == ["float32", "int8"]


def test_a_file_without_signature_gets_one(cli, models, clips, tmp_path: Path) -> None:
    root = flatbuffer.read(models["picture"].read_bytes())
    root.signatureDefs = []
    (tmp_path / "bare.tflite").write_bytes(flatbuffer.write(root))
    bundle = _wrap(cli, tmp_path / "bare.tflite", tmp_path / "x.edge", clips[1])
    names = [tensor.name for tensor in bundle.manifest.parts[0].outputs]
    assert (
        len(names) == 2 and list(flatbuffer.signature(bundle.members["model.tflite"])[1]) == names
    )


def test_answers_that_never_change_are_doubted(cli, models, clips, tmp_path: Path) -> None:
    arguments = [str(models["picture"]), "-o", str(tmp_path / "x.edge"), "--calibration"]
    done = cli.invoke(main, [*arguments, str(clips[1]), "--input-range", "0", "1e-6"])
    assert done.exit_code == 0, done.output
    assert "task 'kind' gives the same for all inputs" in done.stderr
    assert open_bundle(tmp_path / "x.edge").manifest.input.value_range == (0.0, 1e-6)


@pytest.mark.parametrize("name", ["W.TFLITE", "w.lite"])
def test_frames_come_as_the_command_line_says(
    cli, models, clips, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_bytes(models["weights"].read_bytes())
    options = ["--mean", "1,2,3", "--std", "4", "--resize", "crop", "--colour-order", "BGR"]
    bundle = _wrap(cli, tmp_path / name, tmp_path / "x.edge", clips[1], *options)
    assert bundle.manifest.input == InputSpec(
        tiny.SIZE, tiny.SIZE, 3, "BGR", (0.0, 255.0), (1.0, 2.0, 3.0), (4.0,) * 3, Resize("crop")
    )
    assert bundle.manifest.schema == 3
    assert self_test(bundle).exact


def test_explained(cli, models) -> None:
    done = cli.invoke(main, [str(models["window"]), "--explain"])
    assert done.exit_code == 0, done.output
    assert "window.tflite becomes one part: it is quantised already" in done.stdout


def _cut_short(model: bytes) -> bytes:
    return model[: len(model) // 2]


def _batch_of_two(model: bytes) -> bytes:
    root = flatbuffer.read(model)
    root.subgraphs[0].tensors[root.subgraphs[0].inputs[0]].shape = [2, 32, 32, 3]
    return flatbuffer.write(root)


def _same_twice(model: bytes) -> bytes:
    root = flatbuffer.read(model)
    given, answer = (
        int(tensors[0]) for tensors in (root.subgraphs[0].inputs, root.subgraphs[0].outputs)
    )
    sign(root, {"frame": given}, {"a": answer, "b": answer})
    return flatbuffer.write(root)


@pytest.mark.parametrize(
    ("change", "options", "said"),
    [
        (None, ["--cut", "conv"], "taken as it is: leave out --cut"),
        (None, ["--encoder-precision", "int8", "--whole-window"], "-precision, --whole-window, or"),
        (None, ["--tasks", "other.json"], "names 'other', the model answers kind, size"),
        (_cut_short, [], "is cut short, or LiteRT does not know it"),
        (_batch_of_two, [], "takes [2, 32, 32, 3]"),
        (_same_twice, ["--tasks", "empty.json"], "are one and the same tensor"),
    ],
)
def test_what_does_not_fit_is_one_line(
    cli, models, clips, tmp_path: Path, change, options: list[str], said: str
) -> None:
    path, output = tmp_path / "x.tflite", tmp_path / "x.edge"
    model = models["picture"].read_bytes()
    path.write_bytes(change(model) if change else model)
    (tmp_path / "other.json").write_text('{"tasks": {"other": {"kind": "embedding"}}}')
    (tmp_path / "empty.json").write_text("{}")
    options = [str(tmp_path / o) if o.endswith(".json") else o for o in options]
    arguments = [str(path), "-o", str(output), "--calibration", str(clips[1]), *options]
    done = cli.invoke(main, arguments)
    assert done.exit_code == 2, done.output
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert said in line
    assert not output.exists()
