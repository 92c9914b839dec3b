"""What a plain .tflite is taken for, from its tensors alone: literal manifests, no runtime."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from edge.bundle import InputSpec, Manifest, Member, Part, TensorSpec
from edge.bundle.plain_tflite import Description, open_any, wrap_tflite
from edge.engine import Delegate
from edge.tasks import Task
from edge_common.errors import BundleError

MODEL = b"\x1c\0\0\0TFL3 and so on"
FRAME = TensorSpec("serving_default_x:0", (1, 8, 6, 3), "uint8", 0.5, 10)
SCORES = TensorSpec("Identity", (1, 2), "int8", 0.25, -3)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "third.tflite"
    path.write_bytes(MODEL)
    return path


def runtime_gives(
    monkeypatch: pytest.MonkeyPatch, inputs: tuple[TensorSpec, ...], *outputs: TensorSpec
) -> list[Any]:
    """Let each model have these tensors; the arguments of every engine are listed."""
    calls: list[Any] = []

    class FakeEngine:
        def __init__(self, model: bytes, **arguments: Any) -> None:
            calls.append((model, arguments))
            self.inputs, self.outputs = inputs, outputs

    monkeypatch.setattr("edge.bundle.plain_tflite.Engine", FakeEngine)
    return calls


def test_a_frame_model_with_three_outputs(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    age = TensorSpec("a", (1, 1), "float32")
    boxes = TensorSpec("b", (1, 10, 4), "float32")
    calls = runtime_gives(monkeypatch, (FRAME,), SCORES, age, boxes)
    bundle = wrap_tflite(path, Description(labels=["cat", "dog"]), runtime="litert")
    outputs = (
        TensorSpec("output_0", (1, 2), "int8", 0.25, -3),
        TensorSpec("output_1", (1, 1), "float32"),
        TensorSpec("output_2", (1, 10, 4), "float32"),
    )
    assert bundle.manifest == Manifest(
        schema=1,
        name="third",
        streaming="single-frame",
        window=1,
        input=InputSpec(8, 6, 3, "RGB", (-5.0, 122.5)),
        tasks=(
            Task("output_0", "classification", ("cat", "dog")),
            Task("output_1", "regression"),
            Task("output_2", "embedding"),
        ),
        parts=(Part("model", "model.tflite", "int8", (FRAME,), outputs),),
        members={"model.tflite": Member(len(MODEL), hashlib.sha256(MODEL).hexdigest())},
    )
    assert (dict(bundle.members), bundle.path) == ({"model.tflite": MODEL}, path)
    arguments = {"name": "third.tflite", "runtime": "litert", "delegate": Delegate("none")}
    assert calls == [(MODEL, arguments)]


@pytest.mark.parametrize(
    ("shape", "streaming", "window", "size"),
    [
        ((1, 8, 6, 1), "single-frame", 1, (8, 6, 1, "GRAY")),
        ((1, 1, 8, 6, 3), "single-frame", 1, (8, 6, 3, "RGB")),
        ((1, 2, 8, 6, 3), "whole-window", 2, (8, 6, 3, "RGB")),
        ((1, 15, 8, 6, 1), "whole-window", 15, (8, 6, 1, "GRAY")),
    ],
)
def test_windows_and_channels(
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    shape: tuple[int, ...],
    streaming: str,
    window: int,
    size: tuple[int, int, int, str],
) -> None:
    calls = runtime_gives(monkeypatch, (TensorSpec("x", shape, "float32"),), SCORES)
    manifest = open_any(str(path)).manifest
    assert (manifest.streaming, manifest.window) == (streaming, window)
    assert manifest.input == InputSpec(*size, (0.0, 1.0))
    assert manifest.parts[0].precision == "float32"
    assert manifest.tasks == (Task("output_0", "classification", ("0", "1")),)
    assert calls[0][1]["runtime"] == "auto"


@pytest.mark.parametrize(
    ("dtype", "scale", "zero_point", "value_range"),
    [
        ("float32", 0.0, 0, (0.0, 1.0)),
        ("uint8", 0.0, 0, (0.0, 255.0)),
        ("uint8", 2.0, 128, (-256.0, 254.0)),
        ("int8", 0.5, -128, (0.0, 127.5)),
        ("int8", 0.5, 0, (-64.0, 63.5)),
        ("int16", 0.25, 0, (0.0, 8191.75)),
    ],
)
def test_the_values_that_an_input_spans(
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    dtype: str,
    scale: float,
    zero_point: int,
    value_range: tuple[float, float],
) -> None:
    frame = TensorSpec("x", (1, 8, 6, 3), dtype, scale, zero_point)
    calls = runtime_gives(monkeypatch, (frame,), SCORES)
    manifest = wrap_tflite(path).manifest
    assert manifest.input.value_range == value_range
    assert calls[0][1]["runtime"] == "auto"
    assert manifest.parts[0].precision == ("int8" if dtype in ("int8", "uint8") else "float32")


def test_a_user_s_words_reach_the_bundle(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = runtime_gives(monkeypatch, (FRAME,), SCORES)
    words = Description((-1.0, 1.0), labels=("cat", "dog"))
    manifest = open_any(str(path), words, runtime="tensorflow").manifest
    assert manifest.input.value_range == (-1.0, 1.0)
    assert manifest.tasks[0].labels == ("cat", "dog")
    assert calls[0][1]["runtime"] == "tensorflow"


def test_labels_are_those_of_all_outputs_with_as_many_values(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    three = TensorSpec("z", (1, 3), "float32")
    runtime_gives(monkeypatch, (FRAME,), SCORES, three, SCORES)
    tasks = wrap_tflite(path, Description(labels=["cat", "dog"])).manifest.tasks
    assert [task.labels for task in tasks] == [("cat", "dog"), ("0", "1", "2"), ("cat", "dog")]
    tasks = wrap_tflite(path, Description(labels=["cat", "dog", "bird"])).manifest.tasks
    assert [task.labels for task in tasks] == [("0", "1"), ("cat", "dog", "bird"), ("0", "1")]
    with pytest.raises(BundleError) as error:
        wrap_tflite(path, Description(labels=["cat", "dog", "bird", "cow"]))
    assert str(error.value) == "4 labels were given for outputs of 2 and 3 and 2 values"


@pytest.mark.parametrize(
    "shapes",
    [[(1, 8, 6)], [(1, 1, 1, 8, 6, 3)], [(2, 8, 6, 3)], [(1, 8, 6, 2)], [(1, 8, 6, 3), (1, 5)]],
)
def test_inputs_of_another_form(
    path: Path, monkeypatch: pytest.MonkeyPatch, shapes: list[tuple[int, ...]]
) -> None:
    inputs = tuple(TensorSpec("x", shape, "float32") for shape in shapes)
    runtime_gives(monkeypatch, inputs, SCORES)
    with pytest.raises(BundleError) as error:
        wrap_tflite(path)
    form = ", ".join(str([*shape]) for shape in shapes)
    assert str(error.value).startswith(f"{path} takes {form}; only one ")
    assert str(error.value).endswith(" or window (1, [T,] H, W, 1 or 3) can be run")


def test_files_that_are_no_model(path: Path, tmp_path: Path) -> None:
    path.write_bytes(b"TFL3 is not where it should be")
    with pytest.raises(BundleError) as error:
        wrap_tflite(path)
    assert str(error.value) == f"{path} is no TFLite flatbuffer: it is another file or cut short"
    with pytest.raises(BundleError) as error:
        wrap_tflite(tmp_path)
    assert str(error.value) == f"{tmp_path} cannot be read: Is a directory"


def test_anything_else_is_opened_as_a_bundle() -> None:
    assert open_any("face").manifest.name == "face"
