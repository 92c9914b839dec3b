from dataclasses import replace

from edge_benchmarks import record as rec
from edge_benchmarks.show.terminal import answers_compared, costs_compared
from edge_common.document import terminal
from tests.benchmarks.samples import RECORD, STREAMED, UNMEASURED

KERAS = rec.Measurement(
    rec.KERAS_PREDICT, accuracy=(rec.TaskFigure("kind", "accuracy", 0.9, 10, (0.6, 0.98)),)
)


def test_answers_of_all_that_were_asked() -> None:
    record = replace(RECORD, measurements=(STREAMED, UNMEASURED, KERAS))
    assert terminal([answers_compared(record)]).splitlines()[:4] == [
        "answers (test.npz)    kind  kind as Keras",
        "------------------  ------  -------------",
        "streamed            0.8000         0.9000",
        "Keras predict       0.9000",
    ]


def test_one_that_was_asked_needs_no_comparison() -> None:
    assert terminal([answers_compared(RECORD)]) == ""


def test_ways_with_the_same_reason_share_a_line() -> None:
    other = replace(UNMEASURED, name=rec.WHOLE_FLOAT)
    text = terminal([costs_compared(replace(RECORD, measurements=(STREAMED, UNMEASURED, other)))])
    assert text.splitlines()[-1] == (
        "whole window int8, whole window float32: not measured (give --model MODEL.keras)"
    )
