"""Frames that show nothing new cost no pass of the network, and change no answer that matters."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edge.bundle import Bundle, GateSpec
from edge.stream import CallsSaved, MotionGate, Network, Stream, StreamOptions
from edge.stream.preprocess import FULL
from tests import tiny
from tests.edge.stream import numpy_engines

SPEC = GateSpec(2.0, block=8)
SIZE, WINDOW = tiny.SIZE, tiny.WINDOW


def _gated(bundle: Bundle, spec: GateSpec = SPEC) -> Bundle:
    return replace(bundle, manifest=replace(bundle.manifest, schema=5, gate=spec))


def _grey(level: int) -> np.ndarray:
    return np.full((SIZE, SIZE, 3), level, np.uint8)


def _scores(decision: Any) -> dict[str, list[float]]:
    return {task: prediction.scores.tolist() for task, prediction in decision.tasks.items()}


def _reused(gate: MotionGate, frames: Iterable[np.ndarray]) -> list[bool]:
    return [gate.reuses_oldest(frame) for frame in frames]


def _differ(first: np.ndarray, second: np.ndarray, threshold: float, block: int) -> bool:
    gate = MotionGate(GateSpec(threshold, block), 1)
    return _reused(gate, [first, second]) == [False, False]


def test_the_first_frame_shows_something_new() -> None:
    assert _reused(MotionGate(SPEC, 1), [_grey(100), _grey(100)]) == [False, True]


def test_a_frame_is_new_from_the_threshold_on() -> None:
    assert [_differ(_grey(100), _grey(x), 2.0, 8) for x in (98, 102, 97, 103)] == [0, 0, 1, 1]


def test_a_slow_change_adds_up() -> None:
    levels = range(100, 110)
    expected = [level % 3 != 100 % 3 for level in levels]
    assert _reused(MotionGate(SPEC, 1), map(_grey, levels)) == expected


def test_what_moves_in_one_block_counts_there_alone() -> None:
    still, moved = _grey(100), _grey(100)
    moved[9:13, 17:23] = 110  # 24 of 64 pixels of one block, and of 1024 of the frame
    assert _differ(still, moved, 3.7, 8) and not _differ(still, moved, 3.8, 8)
    assert _differ(still, moved, 0.2, SIZE) and not _differ(still, moved, 0.3, SIZE)


def test_differences_are_told_in_fractions_of_a_grey_level() -> None:
    for share in (0.25, 0.5, 0.75):
        mixed = _grey(100)
        mixed[: int(SIZE * share)] = 101
        assert _differ(_grey(100), mixed, share - 0.1, SIZE)
        assert not _differ(_grey(100), mixed, share + 0.1, SIZE)


@pytest.mark.parametrize("shape", [(7, 5, 3), (100, 100, 3), (33, 20), (1, 1)])
def test_frames_of_any_size_and_without_colour(shape: tuple[int, ...]) -> None:
    frame = np.full(shape, 9, np.uint8)
    assert _reused(MotionGate(SPEC, 1), [frame, frame, frame + 9]) == [False, True, False]


def test_a_window_gets_features_of_a_still_for_all_its_frames() -> None:
    gate, stills = MotionGate(SPEC, 3), []
    assert not gate.is_still
    for level in (50, 100, 100, 100, 100, 100, 200, 200):
        stills.append((gate.reuses_oldest(_grey(level)), gate.is_still))
    assert stills == [
        (False, False), (False, False), (False, False), (False, True), (True, True), (True, True),
        (False, False), (False, False),
    ]  # fmt: skip


def test_a_flash_costs_two_passes() -> None:
    gate = MotionGate(SPEC, 4)
    levels = [100] * 6 + [250] + [100] * 8
    encoded = [not reused for reused in _reused(gate, map(_grey, levels))]
    assert encoded == [True] * 4 + [False] * 2 + [True] + [False] * 3 + [True] + [False] * 4


def test_what_came_two_stills_ago_is_forgotten() -> None:
    assert _reused(MotionGate(SPEC, 1), map(_grey, (100, 150, 200, 100))) == [False] * 4


def test_a_cleared_gate_compares_with_no_frame() -> None:
    gate = MotionGate(SPEC, 1)
    _reused(gate, [_grey(100), _grey(100)])
    gate.clear()
    assert not gate.is_still and not gate.reuses_oldest(_grey(100))


def test_a_still_scene_costs_a_window_of_passes(tiny_bundle: Bundle) -> None:
    stream, ungated = Stream(_gated(tiny_bundle)), Stream(tiny_bundle)
    frame = tiny.frames(1)[0]
    for _ in range(20):
        decision, expected = stream.push(frame), ungated.push(frame)
        assert (decision is None) == (expected is None)
        if decision is not None:
            assert _scores(decision) == _scores(expected)
    network = stream.network
    assert network.calls_saved == [CallsSaved("encoder", 4, 16), CallsSaved("head", 1, 16)]
    assert network.calls_saved[0].share == 0.8
    assert list(stream.latency_ms) == ["preprocess"]


def test_motion_costs_and_answers_what_it_does_without_a_gate(tiny_bundle: Bundle) -> None:
    stream, ungated = Stream(_gated(tiny_bundle)), Stream(tiny_bundle)
    for frame in tiny.frames(20):
        decision, expected = stream.push(frame), ungated.push(frame)
        if decision is not None:
            assert _scores(decision) == _scores(expected)
            assert list(decision.latency_ms) == ["preprocess", "encoder", "head"]
    assert [each.saved for each in stream.network.calls_saved] == [0, 0]


def test_the_head_runs_while_the_window_still_holds_motion(tiny_bundle: Bundle) -> None:
    first, second = tiny.frames(2)
    frames = [first] * 6 + [second] * 8
    stream, ungated = Stream(_gated(tiny_bundle)), Stream(tiny_bundle)
    ran = []
    for frame in frames:
        decision, expected = stream.push(frame), ungated.push(frame)
        if decision is not None:
            assert _scores(decision) == _scores(expected)
            ran.append("head" in decision.latency_ms)
    still = WINDOW - 1
    assert ran == [True, False, False] + [True] * (1 + still) + [False] * 4


def test_noise_below_the_threshold_changes_nothing_once_a_window_is_full(
    tiny_bundle: Bundle,
) -> None:
    stream, ungated = Stream(_gated(tiny_bundle)), Stream(tiny_bundle)
    frame = np.clip(tiny.frames(1)[0], 2, 253)
    noise = np.random.default_rng(0).integers(-1, 2, (12, *frame.shape))
    frames = [frame + each.astype(np.uint8) for each in noise]
    decisions = [stream.push(noisy) for noisy in frames]
    expected = [ungated.push(noisy) for noisy in frames[:WINDOW]][-1]
    assert all(_scores(decision) == _scores(expected) for decision in decisions[WINDOW - 1 :])
    assert stream.network.encoder.invocations == WINDOW


def test_features_that_serve_again_are_those_of_the_still(tiny_bundle: Bundle) -> None:
    """Behind a flash the window holds it, until it leaves."""
    stream, ungated = Stream(_gated(tiny_bundle)), Stream(tiny_bundle)
    still, flash = tiny.frames(2)
    for frame in [still] * 6 + [flash] + [still] * 6:
        decision, expected = stream.push(frame), ungated.push(frame)
        if decision is not None:
            assert _scores(decision) == _scores(expected)
    assert stream.network.encoder.invocations == WINDOW + 2


def test_windows_of_one_network_have_gates_of_their_own(tiny_bundle: Bundle) -> None:
    network = Network(_gated(tiny_bundle), StreamOptions())
    windows = [network.window(), network.window()]
    for _ in range(WINDOW + 3):
        for window, frame in zip(windows, tiny.frames(2)):
            network.encode(frame, FULL, window)
            answers = network.decide(window) if window.due else None
    assert network.encoder.invocations == 2 * WINDOW
    assert network.head.invocations == 2
    alone = Stream(tiny_bundle)
    expected = [alone.push(tiny.frames(2)[1]) for _ in range(WINDOW)][-1]
    assert answers is not None
    assert [each.tolist() for each in answers] == list(_scores(expected).values())


def test_a_restart_looks_at_its_first_frame(tiny_bundle: Bundle) -> None:
    stream, frame = Stream(_gated(tiny_bundle)), tiny.frames(1)[0]
    for _ in range(WINDOW + 2):
        stream.push(frame)
    stream.reset()
    assert [stream.push(frame) is not None for _ in range(WINDOW)] == [False] * 3 + [True]
    assert stream.network.encoder.invocations == 2 * WINDOW
    assert stream.network.head.invocations == 2


def test_with_a_hop_still_windows_are_answered_once(tiny_bundle: Bundle) -> None:
    stream, frame = Stream(_gated(tiny_bundle), StreamOptions(hop=3)), tiny.frames(1)[0]
    decided = [number for number in range(13) if stream.push(frame)]
    assert decided == [3, 6, 9, 12]
    assert stream.network.encoder.invocations == WINDOW
    assert stream.network.head.invocations == 1


@pytest.mark.parametrize("options", [StreamOptions(gate=False), StreamOptions().for_clips()])
def test_a_gate_can_be_left_out(tiny_bundle: Bundle, options: StreamOptions) -> None:
    stream, frame = Stream(_gated(tiny_bundle), options), tiny.frames(1)[0]
    for _ in range(WINDOW + 2):
        stream.push(frame)
    assert stream.network.encoder.invocations == WINDOW + 2
    assert stream.network.calls_saved == []


def test_an_uncut_network_answers_a_still_window_once() -> None:
    uncut, spec = numpy_engines.UNCUT, GateSpec(0.25)
    stream, ungated = map(numpy_engines.open_stream, (_gated(uncut, spec), uncut))
    frames = [numpy_engines.frame(value) for value in (1, 2, 3, 4, 4, 4, 4, 4, 9)]
    decisions = [stream.push(frame) for frame in frames]
    ran = ["model" in decision.latency_ms for decision in decisions if decision]
    assert ran == [True, True, True, True, False, False, True]
    assert stream.network.calls_saved == [CallsSaved("model", 5, 2)]
    for decision, expected in zip(decisions, [ungated.push(frame) for frame in frames]):
        assert (decision is None) == (expected is None)
        if decision and expected:
            assert _scores(decision) == _scores(expected)


def test_a_bundle_that_says_nothing_has_no_gate(tiny_bundle: Bundle) -> None:
    stream, frame = Stream(tiny_bundle), tiny.frames(1)[0]
    for _ in range(3):
        stream.push(frame)
    assert (stream.network.encoder.invocations, stream.network.calls_saved) == (3, [])
