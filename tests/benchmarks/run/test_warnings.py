from dataclasses import replace

from edge_benchmarks.run.measurement import warnings_of
from tests.benchmarks.samples import RECORD, RERUN, STREAMED, summary


def test_a_clean_run_has_none() -> None:
    assert list(warnings_of(RECORD)) == []


def test_rounds_that_lie_apart() -> None:
    noisy = tuple(replace(m, round_p50_ms=(4.0, 8.0, 12.0)) for m in (STREAMED, RERUN))
    (text,) = warnings_of(replace(RECORD, measurements=noisy))
    assert text.startswith(
        "unstable, the medians of the rounds lie apart: streamed 80%, split re-run 80%; close"
    )


def test_waiting_for_a_core() -> None:
    busy = replace(RERUN, cpu_ms=summary(22.0))
    (text,) = warnings_of(replace(RECORD, measurements=(STREAMED, busy)))
    assert "spent waiting: split re-run 50%;" in text


def test_a_second_encoder_pass() -> None:
    twice = replace(STREAMED, invocations={"encoder": 1.25, "head": 1.0})
    (text,) = warnings_of(replace(RECORD, measurements=(twice,)))
    assert text == "the encoder ran 1.25 times a frame; exactly once was promised"
