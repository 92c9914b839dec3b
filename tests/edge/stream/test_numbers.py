"""What a stream decides and when, in literal numbers: networks of numpy, a fake clock."""

from collections.abc import Mapping

import numpy as np
import pytest

from edge.bundle import Bundle
from edge.engine.delegate import Delegate
from edge.engine.delegation import Delegation
from edge.stream import Frame, Region, Stream
from edge.stream.network import Network
from edge.stream.preprocess import FULL
from edge.tasks import Prediction
from edge_common.errors import DelegateError
from tests.edge.stream.numpy_engines import (
    CUT,
    ENCODER,
    HEAD,
    UNCUT,
    Clock,
    NumpyEngine,
    NumpyOptions,
    decide,
    encode,
    engines,
    frame,
    open_stream,
)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("time.perf_counter_ns", clock.perf_counter_ns)
    monkeypatch.setattr("time.monotonic", clock.monotonic)
    return clock


def sizes(stream: Stream, values: range) -> list[float | None]:
    decisions = [stream.push(frame(value)) for value in values]
    return [decision and decision.tasks["size"].value for decision in decisions]


@pytest.mark.parametrize("bundle", [CUT, UNCUT], ids=["cut", "uncut"])
def test_the_window_is_read_oldest_first(bundle: Bundle) -> None:
    # the light of frame(v) is 3 v
    assert sizes(open_stream(bundle), range(1, 6)) == [None, None, 369.0, 702.0, 1035.0]


@pytest.mark.parametrize("bundle", [CUT, UNCUT], ids=["cut", "uncut"])
def test_each_output_goes_to_the_task_of_its_name(bundle: Bundle) -> None:
    stream = open_stream(bundle)
    decision = [stream.push(frame(value)) for value in (1, 2, 3)][-1]
    assert decision and list(decision.tasks) == ["kind", "size"]
    # half the red of the oldest two, half the blue of the newest
    assert decision.tasks["kind"].scores.tolist() == [0.5, 1.0, 3.0]
    assert decision.tasks["kind"].label == "c"


@pytest.mark.parametrize("bundle", [CUT, UNCUT], ids=["cut", "uncut"])
def test_the_region_alone_is_seen(bundle: Bundle) -> None:
    stream = open_stream(bundle, region=Region.parse("2,0,2,1"))
    for value in (1, 2, 3):
        wide = np.concatenate([frame(90), frame(value), frame(80)], axis=1)
        decision = stream.push(wide)
    assert decision and decision.tasks["size"].value == 369.0


def test_frames_without_a_number_are_counted_anew_after_a_reset() -> None:
    stream = open_stream(CUT)
    decisions = [stream.push(frame(value)) for value in range(4)]
    stream.reset()
    decisions += [stream.push(frame(value)) for value in range(3)]
    assert [d and d.frame for d in decisions] == [None, None, 2, 3, None, None, 2]


def test_the_frame_after_a_gap_is_the_first_of_its_window() -> None:
    stream = open_stream(CUT)
    decisions = [
        stream.push(Frame(frame(value), 10 + value, restart=value == 2)) for value in range(1, 7)
    ]
    assert [d and d.frame for d in decisions] == [None, None, None, 14, 15, 16]
    assert [d.tasks["size"].value for d in decisions if d] == [702.0, 1035.0, 1368.0]


def test_the_hop_counts_from_the_first_full_window() -> None:
    stream = open_stream(CUT, hop=2)
    due = [size is not None for size in sizes(stream, range(8))]
    assert due == [False, False, True, False, True, False, True, False]
    assert stream.network.head.invocations == 3


def test_what_each_stage_took(clock: Clock) -> None:
    stream = open_stream(CUT, clock)
    decisions = []
    for number in range(3):
        captured_at = clock.monotonic()
        clock.advance(7)
        decisions.append(stream.push(Frame(frame(1), number, captured_at)))
    decision = decisions[-1]
    # frames before took 7 + 2 + 30 ms, and had no head pass
    assert decision and decision.captured_at == 5000.078
    assert decision.latency_ms == {"preprocess": 2.0, "encoder": 30.0, "head": 4.0}
    assert list(decision.latency_ms) == ["preprocess", "encoder", "head"]
    assert decision.age_ms == pytest.approx(7 + 2 + 30 + 4)


def test_what_each_stage_of_an_uncut_network_took(clock: Clock) -> None:
    stream = open_stream(UNCUT, clock)
    decision = [stream.push(Frame(frame(1), number, 4999.0)) for number in range(3)][-1]
    assert decision and decision.latency_ms == {"preprocess": 2.0, "model": 60.0}
    assert decision.age_ms == pytest.approx(1000 + 3 * 2 + 60)


def test_a_decision_of_this_machine_is_predicted_for_no_board() -> None:
    stream = open_stream(CUT)
    decision = [stream.push(frame(1)) for _ in range(3)][-1]
    assert decision and decision.predicted_for is None and stream.network.predicted is None


def test_people_are_named_in_what_was_predicted() -> None:
    inputs: list[Mapping[str, Prediction]] = []

    def naming(tasks: Mapping[str, Prediction]) -> Mapping[str, Prediction]:
        inputs.append(tasks)
        return {"size": tasks["size"]}

    stream = open_stream(CUT, naming=naming)
    decision = [stream.push(frame(value)) for value in (1, 2, 3)][-1]
    assert len(inputs) == 1 and list(inputs[0]) == ["kind", "size"]
    assert decision and decision.tasks == {"size": inputs[0]["size"]}


def test_engines_stand_under_their_roles() -> None:
    parts = engines()
    assert Stream(CUT, NumpyOptions(engines=parts)).network.engines == {
        "encoder": parts["encoder"],
        "head": parts["head"],
    }
    assert Stream(UNCUT, NumpyOptions(engines=parts)).network.engines == {"model": parts["model"]}


def delegated(delegation: Delegation, delegate: Delegate) -> Stream:
    parts = {
        "encoder": NumpyEngine(ENCODER, encode, delegation=delegation),
        "head": NumpyEngine(HEAD, decide),
    }
    return Stream(CUT, NumpyOptions(engines=parts, delegate=delegate))


IDLE = Delegation("edgetpu", {"built-in kernels": {"ADD": 1}})
TAKES_NOTHING = "the delegate edgetpu takes no operator of this network"


def test_a_delegate_that_takes_nothing_is_the_reason_that_it_is_not_used(
    capsys: pytest.CaptureFixture[str],
) -> None:
    stream = delegated(IDLE, Delegate("edgetpu"))
    assert {role: d.fallback for role, d in stream.network.delegation.items()} == {
        "encoder": TAKES_NOTHING,
        "head": TAKES_NOTHING,
    }
    assert f"{TAKES_NOTHING}; going on without it" in capsys.readouterr().err
    with pytest.raises(DelegateError, match=TAKES_NOTHING):
        delegated(IDLE, Delegate("edgetpu", strict=True))


def test_a_delegate_that_takes_something_or_failed_before_is_not_accused_again() -> None:
    working = Delegation("edgetpu", {"edgetpu": {"ADD": 1}})
    stream = delegated(working, Delegate("edgetpu"))
    assert [d.fallback for d in stream.network.delegation.values()] == ["", ""]
    failed = Delegation("edgetpu", {"built-in kernels": {"ADD": 1}}, fallback="it is not there")
    stream = delegated(failed, Delegate("edgetpu"))
    assert [d.fallback for d in stream.network.delegation.values()] == ["it is not there", ""]


def test_nobody_asks_what_the_usual_delegate_takes() -> None:
    stream = delegated(IDLE, Delegate())
    assert [d.fallback for d in stream.network.delegation.values()] == ["", ""]


def test_a_decision_says_on_which_board_its_times_are_played() -> None:
    stream = Stream(CUT, NumpyOptions(engines=engines(), device="emulated:pi-4"))
    decision = [stream.push(frame(1)) for _ in range(3)][-1]
    assert decision and decision.predicted_for == "pi-4"


def test_one_network_watches_two_things_in_turn() -> None:
    network = Network(CUT, NumpyOptions(engines=engines()))
    each, every_second = network.window(), network.window(2)
    due = []
    for value in range(1, 6):
        network.encode(frame(value), FULL, each)
        network.encode(frame(10 * value), FULL, every_second)
        due.append((each.due, every_second.due))
    assert due == [(False, False), (False, False), (True, True), (True, False), (True, True)]
    # the light of frame(v) is 3 v; 9, 12, 15 and 90, 120, 150
    assert [network.decide(window)[1].tolist() for window in (each, every_second)] == [
        [1035.0],
        [10_350.0],
    ]
    each.clear()
    assert (each.pushed, every_second.pushed) == (0, 5)
    assert [ring.full for ring in (*each.rings, *every_second.rings)] == [False] * 2 + [True] * 2


@pytest.mark.parametrize(
    ("bundle", "latency_ms"),
    [
        (CUT, {"preprocess": 2.0, "encoder": 30.0}),
        (UNCUT, {"preprocess": 2.0, "model": 0.0}),
    ],
    ids=["cut", "uncut"],
)
def test_what_a_frame_took_that_is_not_decided_on(
    clock: Clock, bundle: Bundle, latency_ms: dict[str, float]
) -> None:
    stream = open_stream(bundle, clock)
    assert stream.latency_ms == {}
    assert stream.push(frame(1)) is None
    assert stream.latency_ms == latency_ms


def test_a_loop_is_given_none_or_one_decision() -> None:
    stream = open_stream(CUT)
    decisions = [stream.decisions(Frame(frame(1), number, 0.0)) for number in range(4)]
    assert [[each.frame for each in some] for some in decisions] == [[], [], [2], [3]]
