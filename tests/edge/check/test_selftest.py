import dataclasses
import io
import itertools
import os
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from edge.bundle import Bundle, open_bundle
from edge.check import self_test as selftest
from edge.check.self_test import self_test
from edge.engine import Delegate
from edge.stream import Stream, StreamOptions
from edge.tasks import Task
from edge_common import children
from edge_common.errors import BundleError, EngineError, SelfTestFailed


def _with_golden(bundle: Bundle, **changed: np.ndarray) -> Bundle:
    stream = io.BytesIO()
    np.savez(stream, **{**bundle.golden, **changed})
    members = {**bundle.members, "golden.npz": stream.getvalue()}
    return dataclasses.replace(bundle, members=members)


def test_the_golden_frames_decide_as_expected(tiny_bundle: Bundle) -> None:
    result = self_test(tiny_bundle)
    assert (result.decisions, result.largest_difference, result.exact) == (4, 0.0, True)


def test_another_runtime_decides_alike(tiny_bundle: Bundle) -> None:
    result = self_test(tiny_bundle, StreamOptions(runtime="tensorflow"))
    assert result.decisions == 4


SURE = np.array([[0.05, 0.9, 0.05], [0.3, 0.4, 0.3]])


def _compare(kind: str, expected: np.ndarray, found: np.ndarray) -> None:
    selftest._compare(Task("kind", kind, ("a", "b", "c")), expected, found)


def test_a_sure_decision_may_not_differ() -> None:
    flipped = np.array([[0.6, 0.35, 0.05], [0.3, 0.4, 0.3]])
    with pytest.raises(SelfTestFailed, match="1 of 1 sure golden decisions differently"):
        _compare("classification", SURE, flipped)


def test_a_wavering_decision_may_differ() -> None:
    _compare("classification", SURE, np.array([[0.2, 0.6, 0.2], [0.5, 0.3, 0.2]]))


def test_where_nothing_is_sure_the_scores_are_held_to_the_tolerance() -> None:
    wavering = np.array([[0.45, 0.35, 0.20]])
    _compare("classification", wavering, np.array([[0.38, 0.42, 0.20]]))
    with pytest.raises(SelfTestFailed, match="off by"):
        _compare("classification", wavering, np.array([[0.0, 1.0, 0.0]]))


@pytest.mark.parametrize("kind", ["classification", "regression"])
def test_a_golden_output_that_is_no_number_fails(kind: str) -> None:
    golden = SURE[:, :1].copy() if kind == "regression" else SURE.copy()
    golden[1, 0] = np.nan
    with pytest.raises(SelfTestFailed, match="task kind has NaN or infinity as a golden output"):
        _compare(kind, golden, np.nan_to_num(golden))


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ([[np.nan], [2.0]], "another form"),
        ([[1.0], [2.0], [3.0]], "another form"),
        ([[1.0], [2.6]], "off by 0.30 of its range"),
        ([[0.4], [2.0]], "off by 0.30 of its range"),
    ],
)
def test_numbers_may_not_be_far_off(found: list, message: str) -> None:
    with pytest.raises(SelfTestFailed, match=message):
        _compare("regression", np.array([[1.0], [2.0]]), np.array(found))


def test_changed_golden_decisions_fail_as_a_whole(tiny_bundle: Bundle) -> None:
    wrong = _with_golden(tiny_bundle, size=tiny_bundle.golden["size"] + 3.0)
    with pytest.raises(SelfTestFailed, match="task size is off"):
        self_test(wrong)


def test_another_process_says_what_is_wrong_in_the_same_words() -> None:
    bundle = open_bundle("faces-in-motion")
    selftest.require_elsewhere(bundle, StreamOptions())
    wrong = _with_golden(bundle, action=bundle.golden["action"][:, ::-1])
    with pytest.raises(SelfTestFailed) as here:
        self_test(wrong)
    with pytest.raises(SelfTestFailed) as elsewhere:
        selftest.require_elsewhere(wrong, StreamOptions())
    assert str(elsewhere.value) == f"{bundle.path}: {here.value}"
    with pytest.raises(SelfTestFailed, match=r"faces-in-motion.edge: .*none.so"):
        selftest.require_elsewhere(
            bundle, StreamOptions(delegate=Delegate("/none.so", strict=True))
        )


def test_a_crash_or_a_hang_stays_in_the_other_process(monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = open_bundle("faces-in-motion")
    for code, message in (
        ("import os; os.abort()", r"the runtime crashed \(SIGABRT\) at its golden frames"),
        ("import time; time.sleep(60)", "its golden frames did not come to their end in 2 s"),
    ):
        command = [sys.executable, "-c", code]
        monkeypatch.setattr(children, "module_command", lambda *words, command=command: command)
        monkeypatch.setattr(selftest, "_TIMEOUT_S", 2.0)
        with pytest.raises(SelfTestFailed, match=message):
            selftest.require_elsewhere(bundle, StreamOptions())


def test_the_run_beside_it_goes_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process waits until its priority is lower, or runs into its time limit."""
    lower = min(os.getpriority(os.PRIO_PROCESS, 0) + 5, 19)
    code = f"import os\nwhile os.getpriority(os.PRIO_PROCESS, 0) != {lower}: pass\nprint('{{}}')"
    command = [sys.executable, "-c", code]
    monkeypatch.setattr(children, "module_command", lambda *words: command)
    replayed = selftest.require_elsewhere(open_bundle("faces-in-motion"), StreamOptions())
    assert replayed == selftest.Replayed()


@pytest.mark.parametrize(
    ("options", "frame_ms"),
    [
        (StreamOptions(), 2.0),
        (StreamOptions(delegate=Delegate("xnnpack")), 2.0),
        (StreamOptions(delegate=Delegate("/usr/lib/libedgetpu.so.1")), 500.0),  # not the processor
        (StreamOptions(device="emulated:pi-4"), 500.0),  # which waits
    ],
)
def test_what_others_take_of_the_processor_is_no_part_of_a_pass(
    options: StreamOptions, frame_ms: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    wall_s, busy_s = (itertools.count(0.0, step) for step in (0.5, 0.002))
    clocks = SimpleNamespace(perf_counter=lambda: next(wall_s), process_time=lambda: next(busy_s))
    monkeypatch.setattr(selftest, "time", clocks)
    bundle = open_bundle("faces-in-motion")
    passed_ms = selftest._frame_ms(Stream(bundle), bundle.golden["frames"], options)
    assert passed_ms == pytest.approx(frame_ms)


def test_a_bundle_without_golden_frames_says_so(tiny_bundle: Bundle) -> None:
    members = {k: v for k, v in tiny_bundle.members.items() if k != "golden.npz"}
    with pytest.raises(BundleError, match="no golden frames"):
        self_test(dataclasses.replace(tiny_bundle, members=members))


def test_a_runtime_that_is_not_there_names_its_package(tiny_bundle: Bundle) -> None:
    with pytest.raises(EngineError, match="pip install tflite-runtime 'numpy<2'"):
        self_test(tiny_bundle, StreamOptions(runtime="tflite-runtime"))
