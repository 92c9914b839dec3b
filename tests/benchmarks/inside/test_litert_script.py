import json
import sys
from pathlib import Path

import pytest

from edge.engine.delegate import Delegate
from edge.stream import StreamOptions
from edge_benchmarks.inside import cross_check as script
from edge_benchmarks.inside.cross_check import (
    CrossCheck,
    CrossCheckPlan,
    cross_check,
    summarise_rounds,
)
from edge_benchmarks.inside.peak import Product, product_model
from edge_common.data import decode, encode
from edge_common.errors import EngineError

ONCE = CrossCheckPlan(rounds=1, runs=5, warmup=1)


@pytest.fixture(scope="module")
def model() -> bytes:
    return product_model(Product(64, 256, 256))


def test_the_ratio_is_of_the_rounds() -> None:
    pairs = [(1.0, 1.0), (2.0, 2.5), (4.0, 3.9)]
    found = summarise_rounds("a script", 1, 50, pairs)
    assert (found.ours_ms, found.theirs_ms) == ((1.0, 2.0, 4.0), (1.0, 2.5, 3.9))
    assert found.ratio == 1.0
    assert found.interval is None


@pytest.mark.parametrize(
    ("ratio", "agrees"), [(0.96, False), (0.98, True), (1.02, True), (1.04, False)]
)
def test_three_per_cent_are_agreement(ratio: float, agrees: bool) -> None:
    assert CrossCheck("a script", 1, 50, (ratio,), (1.0,), ratio, None).agrees is agrees


def test_ours_and_theirs_take_turns(monkeypatch: pytest.MonkeyPatch, model: bytes) -> None:
    log, told = [], []
    monkeypatch.setattr(script, "our_median_ms", lambda *_: log.append("A") or 2.0)
    monkeypatch.setattr(script, "_their_median_ms", lambda *_: log.append("B") or 1.0)
    plan = CrossCheckPlan(rounds=3)
    found = cross_check(model, StreamOptions(), plan, lambda: told.append(1))
    assert ("".join(log), len(told)) == ("ABABAB", 3)
    assert (found.ratio, found.agrees) == (2.0, False)
    assert found.reference == script.SCRIPT


def test_the_script_gets_the_same_plan() -> None:
    command = script._command(
        script.SCRIPT, Path("x/part.tflite"), StreamOptions(threads=2), CrossCheckPlan(1, 50, 10)
    )
    assert command[2:] == [
        "ai_edge_litert.tools.benchmark_litert_model",
        "--model", "x/part.tflite", "--result_json", "x/part.json",
        "--num_threads", "2", "--warmup_runs", "10", "--num_runs", "50",
    ]  # fmt: skip


def test_litert_s_own_script_runs(model: bytes) -> None:
    found = cross_check(model, StreamOptions(), ONCE)
    assert found.reference == "LiteRT's benchmark script"
    assert len(found.ours_ms) == len(found.theirs_ms) == 1
    assert decode(CrossCheck, encode(found)) == found


def test_without_the_script_a_plain_loop_runs(
    monkeypatch: pytest.MonkeyPatch, model: bytes
) -> None:
    monkeypatch.setattr(script, "has_script", lambda: False)
    found = cross_check(model, StreamOptions(), ONCE)
    assert found.reference == "a plain loop in a fresh process"
    assert found.theirs_ms[0] > 0


def test_a_reference_that_fails_says_why(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "raise SystemExit('the model is odd')"]
    with pytest.raises(EngineError, match="cross-check failed .the model is odd."):
        script._their_median_ms(command, tmp_path / "none.json")


def test_a_result_without_a_median_is_refused(tmp_path: Path) -> None:
    result = tmp_path / "odd.json"
    result.write_text(json.dumps({"latency": {}}))
    with pytest.raises(EngineError, match="cross-check failed"):
        script._their_median_ms([sys.executable, "-c", ""], result)


def test_a_delegate_cannot_be_cross_checked(model: bytes) -> None:
    with pytest.raises(EngineError, match="external delegate"):
        cross_check(model, StreamOptions(delegate=Delegate("libx.so")))
