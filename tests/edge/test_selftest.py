import dataclasses
import io

import numpy as np
import pytest

from edge.bundle import Bundle
from edge.errors import BundleError, EngineError, SelfTestFailed
from edge.selftest import self_test
from edge.stream import EngineOptions


def _with_golden(bundle: Bundle, **changed: np.ndarray) -> Bundle:
    stream = io.BytesIO()
    np.savez(stream, **{**bundle.golden, **changed})
    members = {**bundle.members, "golden.npz": stream.getvalue()}
    return dataclasses.replace(bundle, members=members)


def test_the_golden_frames_decide_as_expected(tiny_bundle: Bundle) -> None:
    result = self_test(tiny_bundle)
    assert (result.decisions, result.largest_difference, result.exact) == (4, 0.0, True)


def test_another_runtime_decides_alike(tiny_bundle: Bundle) -> None:
    result = self_test(tiny_bundle, EngineOptions(runtime="tensorflow"))
    assert result.decisions == 4


def test_other_decisions_fail(tiny_bundle: Bundle) -> None:
    wrong = _with_golden(tiny_bundle, kind=np.roll(tiny_bundle.golden["kind"], 1, axis=1) + 0.3)
    with pytest.raises(SelfTestFailed, match="decide differently"):
        self_test(wrong)


def test_a_bundle_without_golden_frames_says_so(tiny_bundle: Bundle) -> None:
    members = {k: v for k, v in tiny_bundle.members.items() if k != "golden.npz"}
    with pytest.raises(BundleError, match="no golden frames"):
        self_test(dataclasses.replace(tiny_bundle, members=members))


def test_a_runtime_that_is_not_there_names_its_package(tiny_bundle: Bundle) -> None:
    with pytest.raises(EngineError, match="pip install tflite-runtime 'numpy<2'"):
        self_test(tiny_bundle, EngineOptions(runtime="tflite-runtime"))
