"""Real child processes, also ones that end badly."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edge_common.children import Child
from edge_common.errors import ModelError
from edge_convert.precision import jobs as jobs_module
from edge_convert.precision.jobs import ConversionJobs, KerasConversion
from edge_convert.precision.recipes import FLOAT32, INT8, Recipe


def _child(code: str, folder: Path) -> Child:
    log = folder / "log"
    with log.open("wb") as stream:
        process = subprocess.Popen([sys.executable, "-c", code], stdout=stream, stderr=stream)
    return Child(process, log)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", r"crashed \(SIGSEGV\)"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "for want of memory"),
        ("raise ValueError('no such op')", "ValueError: no such op"),
        ("raise SystemExit(4)", "ended with code 4"),
        (
            "raise ValueError('Exception encountered when calling layer x.\\n\\n3 and 5 differ\\n\\nCall')",
            "3 and 5 differ$",
        ),
        (
            "raise RuntimeError('error: failed while converting: main\\nTF Select ops: Conv3D\\n\\t'"
            "'tf.Conv3D(tensor<8xf32>) -> (tensor<4xf32>) : {padding}')",
            r"TFLite has no operator for Conv3D, tf.Conv3D\(tensor<8xf32>\)$",
        ),
    ],
)
def test_a_child_that_ends_badly_is_reported(tmp_path: Path, code: str, message: str) -> None:
    conversion = KerasConversion("encoder", _child(code, tmp_path), tmp_path / "none.tflite")
    with pytest.raises(ModelError, match=f"converting the encoder to TFLite failed: .*{message}"):
        conversion.result()


def test_children_are_ended_on_leaving(tmp_path: Path) -> None:
    with ConversionJobs(tmp_path) as jobs:
        process = _child("import time; time.sleep(600)", tmp_path).process
        jobs._children.append(process)
    assert process.returncode == -signal.SIGKILL
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)


class DyingAt(ConversionJobs):
    """Its children crash when they come to one precision, as a broken kernel makes them."""

    precision = "float16"

    def start(self, module: str, *arguments: str | Path) -> Child:
        crash = (
            "import os, signal, sys\n"
            "from edge_convert.precision import quantiser, worker\n"
            "real = quantiser.quantised\n"
            "def quantised(model, recipe, ranges):\n"
            f"    if recipe.precision == {self.precision!r}: os.kill(os.getpid(), signal.SIGSEGV)\n"
            "    return real(model, recipe, ranges)\n"
            "quantiser.quantised = quantised\n"
            "worker.main(sys.argv[1])\n"
        )
        log = self._folder / "crash.log"
        with log.open("wb") as stream:
            process = subprocess.Popen(
                [sys.executable, "-W", "ignore", "-c", crash, *map(str, arguments)],
                stdout=stream,
                stderr=stream,
            )
        self._children.append(process)
        return Child(process, log)


@pytest.fixture
def float_head(tiny_float_parts: dict[str, bytes]) -> tuple[bytes, dict[str, np.ndarray]]:
    draw = np.random.default_rng(0)
    features = {
        "f0_maps": draw.normal(size=(8, 4, 8, 8, 16)).astype(np.float32),
        "f1_pooled": draw.normal(size=(8, 4, 16)).astype(np.float32),
    }
    return tiny_float_parts["head"], features


def test_a_rung_that_crashes_does_not_take_the_others_along(tmp_path: Path, float_head) -> None:
    model, features = float_head
    with DyingAt(tmp_path) as jobs:
        jobs.prepare("head", model, features, {})
        rungs = [FLOAT32, INT8, Recipe("float16"), Recipe("dynamic_range")]
        made = jobs.quantised("head", rungs)
    assert made[Recipe("float16")] == "the converter crashed (SIGSEGV)"
    assert made[FLOAT32] == model
    assert all(isinstance(made[r], bytes) for r in (INT8, Recipe("dynamic_range")))
    assert len(made[INT8]) < len(model)


def test_layers_are_measured_and_told_one_by_one(tmp_path: Path, float_head) -> None:
    model, features = float_head
    told: list[tuple[int, int]] = []
    with ConversionJobs(tmp_path) as jobs:
        jobs.prepare("head", model, features, {})
        costs = jobs.layer_costs("head", lambda done, total: told.append((done, total)))
    assert [c.snr_db for c in costs] == sorted(c.snr_db for c in costs)
    assert {"FULLY_CONNECTED", "CONV_2D"} <= {c.operator for c in costs}
    assert told == sorted(told) and all(total == len(costs) for _, total in told)


@pytest.mark.parametrize(("bytes_at_work", "side_by_side"), [(10**9, 2), (1, 1)])
def test_layers_of_a_large_part_are_measured_by_fewer_at_a_time(
    bytes_at_work: int,
    side_by_side: int,
    tmp_path: Path,
    float_head,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(jobs_module, "CORES", 2)
    monkeypatch.setattr(jobs_module, "_MODELS_AT_WORK", bytes_at_work)
    model, features = float_head
    with ConversionJobs(tmp_path) as jobs:
        jobs.prepare("head", model, features, {})
        costs = jobs.layer_costs("head")
        assert len(jobs._children) == side_by_side
    assert len({cost.layer for cost in costs}) == len(costs) > 2
    assert [cost.snr_db for cost in costs] == sorted(cost.snr_db for cost in costs)
