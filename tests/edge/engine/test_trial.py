"""What crashes a runtime does so in a process of its own, and is one line here."""

import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from click.testing import CliRunner

from edge.bundle import open_bundle, write_bundle
from edge.bundle.plain_tflite import open_any, wrap_tflite
from edge.check.evaluate import WindowRerun
from edge.cli import main
from edge.engine import trial
from edge.engine.runtimes import EDGE_TPU_OPERATOR
from edge.stream import Stream
from edge_common import EngineError, children
from edge_convert.sources.tflite_file import tflite_bytes
from tests import flat_models as flat


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "edge-run" / "tried"


def saved(path: Path, model: bytes) -> Path:
    path.write_bytes(model)
    return path


def crashing_model() -> bytes:
    """A negative radius, which no kernel checks; a large one would first fill gigabytes."""
    builder = flat.Builder()
    first = builder.tensor((1, flat.SIDE, flat.SIDE, 3), name=b"frame")
    last = builder.tensor((1, 3))
    options = schema.LocalResponseNormalizationOptionsT()
    options.radius = -(1 << 30)
    builder.operator("LOCAL_RESPONSE_NORMALIZATION", [first], [last], options)
    return builder.finish([first], [last])


def test_a_crash_is_one_line_and_code_2(cli: CliRunner, tmp_path: Path, cache: Path) -> None:
    (tmp_path / "x.tflite").write_bytes(crashing_model())
    cv2.imwrite(str(tmp_path / "x.png"), flat.frame())
    done = cli.invoke(main, [str(tmp_path / "x.tflite"), "--source", str(tmp_path / "x.png")])
    assert done.exit_code == 2
    assert done.stderr == (
        "Error: the runtime crashed (SIGSEGV) at a first run of x.tflite: the file is damaged or "
        "made to do so; convert it again, or try another --runtime\n"
    )
    assert not cache.exists()


def test_a_first_run_that_does_not_end_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "_TIMEOUT_S", 0.001)
    with pytest.raises(EngineError) as error:
        trial.require("x.tflite", flat.colour_model())
    assert str(error.value) == (
        "x.tflite did not come to the end of a first run in 0 s: it is damaged, or too much for "
        "this machine"
    )


def test_a_model_is_tried_once(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.tflite"
    path.write_bytes(flat.colour_model("SOFTMAX"))
    open_any(str(path))
    assert len(list(cache.iterdir())) == 1
    monkeypatch.setattr(children, "run_captured", None)
    open_any(str(path))  # another start would be a TypeError
    open_any("face")  # came with this package
    path.write_bytes(flat.colour_model("SOFTMAX", gain=2.0))
    with pytest.raises(TypeError):
        open_any(str(path))


def test_a_bundle_that_crashes_is_one_line_in_python(tmp_path: Path) -> None:
    wrapped = wrap_tflite(saved(tmp_path / "x.tflite", flat.colour_model("SOFTMAX")))
    member = {wrapped.manifest.parts[0].file: crashing_model()}
    write_bundle(tmp_path / "x.edge", wrapped.manifest, member)
    with pytest.raises(EngineError, match=r"crashed \(SIGSEGV\) at a first run of model.tflite"):
        Stream(open_bundle(tmp_path / "x.edge"))


def test_whoever_loads_a_file_tries_it_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(tmp_path / "x.tflite", flat.colour_model("SOFTMAX", gain=5.0))
    wrapped = wrap_tflite(path)
    member = {wrapped.manifest.parts[0].file: flat.colour_model("SOFTMAX", gain=6.0)}
    bundle = write_bundle(tmp_path / "x.edge", wrapped.manifest, member)
    saved(path, flat.colour_model("SOFTMAX", gain=7.0))
    mentions_it = flat.colour_model("SOFTMAX") + EDGE_TPU_OPERATOR
    accelerated = saved(tmp_path / "tpu.tflite", mentions_it)
    monkeypatch.setattr(children, "run_captured", None)  # a start is a TypeError
    for load in (
        lambda: Stream(bundle),
        lambda: WindowRerun(bundle),
        lambda: open_any(str(bundle.path)),
        lambda: wrap_tflite(path),
        lambda: tflite_bytes(path),  # of edge-convert
        lambda: Stream(wrap_tflite(accelerated)),
    ):
        with pytest.raises(TypeError):
            load()
    Stream(open_bundle("face"))


def test_a_cache_that_cannot_be_written_costs_one_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    bundle = wrap_tflite(saved(tmp_path / "x.tflite", flat.colour_model("SOFTMAX", gain=3.0)))
    monkeypatch.setattr(children, "run_captured", None)
    Stream(bundle)  # another start would be a TypeError


def test_the_tests_leave_no_mark_in_their_user_s_cache() -> None:
    assert Path(os.environ["XDG_CACHE_HOME"]) != Path.home() / ".cache"


def test_a_dying_process_speaks_also_while_stderr_is_kept() -> None:
    program = (
        "import ctypes\n"
        "from edge_common import console\n"
        "console.speak_when_dying()\n"
        "with console.captured_stderr():\n"
        "    ctypes.string_at(0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == -11
    assert done.stderr.startswith("Fatal Python error: Segmentation fault")


def test_names_that_are_no_text_do_not_reach_opencv(cli: CliRunner, tmp_path: Path) -> None:
    from edge.sinks import draw
    from edge.stream import Decision
    from edge.tasks import Prediction

    prediction = Prediction(np.ones(1, np.float32), label="a\ud800", p=1.0, index=0)
    decision = Decision(0, 0.0, 0.0, {}, {"\udcff": prediction}, None)
    assert draw.annotate(flat.frame(), [decision], ["\udcff"]).shape[2] == 3
    video = tmp_path / "a\udcff.mp4"
    video.write_bytes(b"no video")
    done = cli.invoke(main, ["--source", str(video)])
    assert (done.exit_code, "is not UTF-8" in done.stderr) == (2, True)
    cv2.imwrite(str(tmp_path / "x.png"), flat.frame())
    done = cli.invoke(main, ["--source", str(tmp_path / "x.png"), "--save", str(video)])
    assert (done.exit_code, "is not UTF-8" in done.stderr) == (2, True)
