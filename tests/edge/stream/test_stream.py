import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from edge.bundle import Bundle
from edge.check.evaluate import WindowRerun
from edge.stream import Frame, Network, Region, Stream, StreamOptions, Window
from tests import tiny


def _scores(decision) -> dict[str, list[float]]:
    return {task: answer.scores.tolist() for task, answer in decision.tasks.items()}


def test_no_decision_before_the_window_is_full(tiny_bundle: Bundle) -> None:
    stream = Stream(tiny_bundle)
    decided = [stream.push(frame) is not None for frame in tiny.frames(7)]
    assert decided == [False, False, False, True, True, True, True]


def test_one_encoder_pass_a_frame(tiny_bundle: Bundle) -> None:
    stream = Stream(tiny_bundle)
    for count, frame in enumerate(tiny.frames(11), start=1):
        stream.push(frame)
        assert stream.network.encoder.invocations == count
    assert stream.network.head.invocations == 11 - tiny.WINDOW + 1


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.integers(0, 1000), st.integers(tiny.WINDOW, 12))
def test_the_ring_equals_the_window_exactly(tiny_bundle: Bundle, seed: int, count: int) -> None:
    stream, whole = Stream(tiny_bundle), WindowRerun(tiny_bundle)
    for frame in tiny.frames(count, seed=seed):
        decision, expected = stream.push(frame), whole.push(frame)
        assert (decision is None) == (expected is None)
        if decision is not None:
            assert _scores(decision) == {task: s.tolist() for task, s in expected.items()}


def test_nothing_is_remembered_from_before_a_reset(tiny_bundle: Bundle) -> None:
    used, fresh = Stream(tiny_bundle), Stream(tiny_bundle)
    for frame in tiny.frames(9, seed=5):
        used.push(frame)
    used.reset()
    for frame in tiny.frames(tiny.WINDOW, seed=6):
        again, first = used.push(frame), fresh.push(frame)
    assert _scores(again) == _scores(first)


def test_a_hop_skips_head_passes_only(tiny_bundle: Bundle) -> None:
    stream = Stream(tiny_bundle, StreamOptions(hop=3))
    decided = [i for i, frame in enumerate(tiny.frames(12)) if stream.push(frame)]
    assert decided == [3, 6, 9]
    assert stream.network.encoder.invocations == 12
    assert stream.network.head.invocations == 3


def test_a_decision_carries_the_frame_s_number_and_time(tiny_bundle: Bundle) -> None:
    stream = Stream(tiny_bundle)
    for number, pixels in enumerate(tiny.frames(tiny.WINDOW)):
        decision = stream.push(Frame(pixels, 100 + number, 5.0 + number))
    assert (decision.frame, decision.captured_at) == (103, 8.0)
    assert list(decision.latency_ms) == ["preprocess", "encoder", "head"]
    assert all(ms > 0 for ms in decision.latency_ms.values())


def test_frames_of_any_size_are_taken(tiny_bundle: Bundle) -> None:
    stream = Stream(tiny_bundle)
    for height, width in ((32, 32), (48, 64), (480, 640), (20, 300)):
        decision = stream.push(tiny.frames(1, height, width)[0])
    assert np.isfinite(decision.tasks["size"].value)
    assert decision.tasks["kind"].p == pytest.approx(decision.tasks["kind"].scores.max())


def test_no_window_reaches_back_over_a_gap(tiny_bundle: Bundle) -> None:
    stream = Stream(tiny_bundle)
    decided = []
    for number, pixels in enumerate(tiny.frames(10)):
        decided.append(stream.push(Frame(pixels, number, restart=number == 5)) is not None)
    assert decided == [False] * 3 + [True] * 2 + [False] * 3 + [True] * 2


def test_a_decision_knows_the_first_frame_of_its_window(tiny_bundle: Bundle) -> None:
    """Frames 3, 4 and 9 are dropped or unreadable; 6 is the first behind an outage."""
    stream, windows = Stream(tiny_bundle), []
    numbers = [0, 1, 2, 5, 6, 7, 8, 10, 11]
    for number, pixels in zip(numbers, tiny.frames(len(numbers))):
        decision = stream.push(Frame(pixels, number, restart=number == 6))
        windows += [(decision.first_frame, decision.frame)] if decision else []
    assert windows == [(0, 5), (6, 10), (7, 11)]


def test_two_windows_of_one_network_know_nothing_of_each_other(tiny_bundle: Bundle) -> None:
    network = Network(tiny_bundle, StreamOptions())
    windows = [network.window(), network.window()]
    clips = [tiny.frames(tiny.WINDOW, seed=seed) for seed in (1, 2)]
    for pair in zip(*clips):
        for pixels, window in zip(pair, windows):
            network.encode(pixels, Region(), window)
    assert all(window.due for window in windows)
    for clip, window in zip(clips, windows):
        stream = Stream(tiny_bundle)
        *_, decision = [stream.push(pixels) for pixels in clip]
        order = [task.name for task in stream.tasks]
        outputs = {name: out.tolist() for name, out in zip(order, network.decide(window))}
        assert outputs == _scores(decision)


@pytest.mark.parametrize(
    "hop, due", [(1, [3, 4, 5, 6, 7, 8]), (2, [3, 5, 7]), (3, [3, 6]), (9, [3])]
)
def test_a_window_of_three_is_due_every_hop_frames(hop: int, due: list[int]) -> None:
    window = Window([], 3, hop)
    pushed = []
    for _ in range(8):
        window.advance()
        pushed += [window.pushed] * window.due
    assert pushed == due


def test_options_say_the_same_on_a_command_line() -> None:
    assert StreamOptions().arguments == ["--runtime", "auto", "--threads", "1"]
    options = StreamOptions(
        "litert", 2, device="emulated:pi-4", region=Region.parse("1,2,3,4"), hop=5
    )
    assert options.arguments == [
        "--runtime", "litert", "--threads", "2", "--device", "emulated:pi-4",
        "--region", "1,2,3,4", "--hop", "5",
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["full", "square", "10,0,20,30"])
def test_a_region_reads_what_it_writes(text: str) -> None:
    assert str(Region.parse(text)) == text


def test_recorded_clips_are_seen_whole(tiny_bundle: Bundle) -> None:
    options = StreamOptions("litert", region=Region.parse("square"), hop=4)
    assert options.for_clips() == StreamOptions("litert", gate=False)
