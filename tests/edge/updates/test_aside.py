"""A shadow that leaves out frames of a run that is late: what it answers is compared all the same."""

import contextlib
import io
import re
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given, settings, strategies as st

from edge.bundle import GOLDEN, open_bundle, write_bundle
from edge.bundle.plain_tflite import wrap_tflite
from edge.check.evaluate import replay
from edge.stream import Decision, Frame, Network, Stream, StreamOptions
from edge.updates.aside import REST, Aside, settled_after
from edge.updates.bounds import shadow_problem
from edge.updates.rules import UpdateRules
from edge.updates.trial import PROBATION, StreamPair, Trial
from tests import flat_models as flat
from tests.edge.service.processes import started, wait_for
from tests.edge.updates import bad_updates, lost_frames, test_swap as swaps

RULES = UpdateRules(shadow_s=10, decisions=5, wait_s=100)
STRETCHES = st.lists(st.tuples(st.booleans(), st.integers(1, 40)), max_size=4)


def in_time(stretches: Sequence[tuple[bool, int]], count: int) -> list[bool]:
    """Whether the run has time for the shadow, frame by frame; behind these it has."""
    told = [has_time for has_time, length in stretches for _ in range(length)]
    return (told + [True] * count)[:count]


def told(has_time: Sequence[bool]) -> Callable[[float], bool]:
    waiting = deque(has_time)
    return lambda seconds: waiting.popleft()


def frames(count: int, seed: int) -> list[Frame]:
    """Each of another brightness; some begin anew behind a gap."""
    chance = np.random.default_rng(seed)
    colours = chance.integers(0, 256, (count, 1, 1, 3), dtype=np.uint8)
    images = np.broadcast_to(colours, (count, 32, 32, 3))
    return [Frame(each, n, 0.0, bool(chance.random() < 0.01)) for n, each in enumerate(images)]


def scores(decision: Decision | None) -> list[list[float]]:
    return [each.scores.tolist() for each in decision.tasks.values()] if decision else []


@given(st.lists(st.booleans(), max_size=200))
def test_behind_a_late_frame_it_rests(has_time: list[bool]) -> None:
    """And takes all frames in a row before it."""
    aside = Aside(told(has_time))
    taken = [aside.takes(0.0) for _ in has_time]
    assert taken == [all(has_time[max(0, n - REST) : n + 1]) for n in range(len(has_time))]


@settings(max_examples=15, deadline=None)
@given(STRETCHES, st.sampled_from([1, 3]), st.integers(0, 99), st.integers(1, 110))
def test_whatever_it_leaves_out_the_same_network_never_disagrees(
    tiny_bundle_path: Path,
    stretches: list[tuple[bool, int]],
    hop: int,
    seed: int,
    swaps_at: int,
) -> None:
    """All frames are counted, and who hears the run hears no gap, whenever the new one takes over."""
    bundle, length = open_bundle(tiny_bundle_path), 120
    networks = [Network(bundle, StreamOptions()) for _ in range(3)]
    alone, old = (Stream(bundle, StreamOptions(hop=hop), network=each) for each in networks[:2])
    trial = Trial(bundle.manifest.tasks, has_time=told(in_time(stretches, length)))
    pair = StreamPair(old, old.beside(networks[2]), trial)
    due = 0
    for frame in frames(length, seed):
        if frame.number == swaps_at:
            trial.begin_probation()
        expected = scores(alone.push(frame))
        assert scores(pair.push(frame)) == expected, frame.number
        due += bool(expected) and frame.number < swaps_at
    assert trial.phase == PROBATION and not trial.problem
    assert trial.frames == trial.compared + trial.skipped + trial.warming == swaps_at
    assert trial.compared + trial.missed == due or not trial.skipped
    assert all(each.decisions.total() == trial.compared for each in trial.agreements.values())
    assert not any(each.share for each in trial.agreements.values())
    assert pair.heard is not old


@pytest.mark.parametrize(
    ("hop", "late", "compared", "missed"),
    [(1, 50, 47 + 16, 31 + 3), (3, 51, 16 + 5, 11 + 1)],  # of the second it waits for the old one
)
def test_its_window_is_filled_anew_before_it_is_compared(
    tiny_bundle_path: Path, hop: int, late: int, compared: int, missed: int
) -> None:
    """Four frames; one late frame costs it and the 30 behind it, and what fills the window."""
    bundle = open_bundle(tiny_bundle_path)
    networks = [Network(bundle, StreamOptions()) for _ in range(2)]
    trial = Trial(bundle.manifest.tasks, has_time=told([n != late for n in range(100)]))
    old = Stream(bundle, StreamOptions(hop=hop), network=networks[0])
    pair = StreamPair(old, old.beside(networks[1]), trial)
    for n in range(100):
        pair.push(Frame(np.full((32, 32, 3), n, np.uint8), n, 0.0))
    assert (trial.compared, trial.skipped, trial.missed) == (compared, 31, missed)
    assert trial.warming == 100 - 31 - compared
    assert str(trial).startswith(
        f"{compared} decisions compared, 31 of 100 frames left out as the run was late; "
    )


def test_it_is_heard_once_its_window_is_full_again(tiny_bundle_path: Path) -> None:
    """Else a run that is late would answer by one network and fill the other one's window."""
    bundle, rules = open_bundle(tiny_bundle_path), UpdateRules(shadow_s=0, decisions=5)
    networks = [Network(bundle, StreamOptions()) for _ in range(2)]
    trial = Trial(bundle.manifest.tasks, has_time=told([n != 50 for n in range(100)]))
    old = Stream(bundle, network=networks[0])
    pair = StreamPair(old, old.beside(networks[1]), trial)
    problems = []
    for n in range(100):
        pair.push(Frame(np.full((32, 32, 3), n, np.uint8), n, 0.0))
        problems.append(shadow_problem(trial, n / 25, 1e9, rules))
    window = bundle.manifest.window
    may = [n for n, problem in enumerate(problems) if problem == ""]
    assert may == [*range(window + 3, 50), *range(50 + REST + window, 100)]
    trial.behind.add(pair)
    assert trial.ready_s == (window + 3) / 25
    assert shadow_problem(trial, trial.ready_s + 59.9, 1e9, rules) is None
    assert shadow_problem(trial, trial.ready_s + 60, 1e9, rules) == ""
    pair.reset()
    assert not trial.behind


def test_what_remembers_more_than_a_window_is_compared_later(streaming_files: Path) -> None:
    """Its memory begins anew behind frames that were left out, and its length is not known."""
    bundle = wrap_tflite(streaming_files / "float32.tflite")
    assert (bundle.manifest.streaming, bundle.manifest.window) == ("carried-state", 1)
    assert settled_after(bundle.manifest) == 31
    networks = [Network(bundle, StreamOptions()) for _ in range(2)]
    trial = Trial(bundle.manifest.tasks)
    old = Stream(bundle, network=networks[0])
    pair = StreamPair(old, old.beside(networks[1]), trial)
    height, width = bundle.manifest.input.height, bundle.manifest.input.width
    for n in range(40):
        pair.push(Frame(np.full((height, width, 3), n, np.uint8), n, 0.0))
    assert (trial.compared, trial.warming) == (10, 30)


def test_a_pass_is_asked_for_by_what_the_one_before_it_took(tiny_bundle_path: Path) -> None:
    bundle, asked_s, times_s = open_bundle(tiny_bundle_path), list[float](), iter(range(100))
    networks = [Network(bundle, StreamOptions()) for _ in range(2)]

    def has_time(seconds: float) -> bool:
        asked_s.append(seconds)
        return True

    trial = Trial(bundle.manifest.tasks, has_time=has_time)
    old = Stream(bundle, network=networks[0])
    pair = StreamPair(old, old.beside(networks[1]), trial, lambda: float(next(times_s)))
    for n in range(3):
        pair.push(Frame(np.zeros((32, 32, 3), np.uint8), n, 0.0))
    assert asked_s == [0.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("fields", "passed_s", "expected"),
    [
        ({"decisions": 4, "missed": 50, "skipped": 60, "frames": 70}, 9.9, None),
        ({"decisions": 4, "missed": 49, "skipped": 60, "frames": 70}, 10.0, None),  # it goes on
        (
            {"decisions": 4, "missed": 50, "skipped": 60, "frames": 70},
            10.0,
            "4 of 5 decisions in 10 s: too few were compared, as the run was late, and 60 of 70 frames "
            "were left out; free the processor, or set a longer shadow_s in [update]",
        ),
        (
            {"decisions": 0, "missed": 3, "skipped": 60, "frames": 70},
            100.1,
            "0 of 5 decisions in 100 s: too few were compared, as the run was late, and 60 of 70 frames "
            "were left out; free the processor, or set a longer shadow_s in [update]",
        ),
        (
            {"decisions": 4, "missed": 0, "skipped": 0, "frames": 70},
            100.1,
            "4 of 5 decisions in 100 s: there was too little to compare; give it again when there is "
            "more to see",
        ),
        ({"decisions": 5, "missed": 500, "skipped": 600, "frames": 700}, 10.0, ""),
    ],
)
def test_too_few_to_compare_is_no_leave(
    fields: dict[str, int], passed_s: float, expected: str | None
) -> None:
    trial = Trial(())
    trial.costs_ms.append(1.0)
    for name, value in fields.items():
        setattr(trial, name, value)
    assert shadow_problem(trial, passed_s, 10.0, RULES) == expected


def slow_bundle(version: str, path: Path) -> None:
    """A frame many times over before its mean is taken: tens of milliseconds on any machine."""
    builder = flat.Builder()
    first = builder.tensor((1, flat.SIDE, flat.SIDE, 3), name=b"frame")
    many = builder.tensor((1, 256 * flat.SIDE, 1024 * flat.SIDE, 3))
    builder.operator("TILE", [first, builder.constant(np.int32([1, 256, 1024, 1]))], [many])
    last = builder.tensor((1, 3), name=b"scores")
    axes = builder.constant(np.int32([1, 2]))
    builder.operator("MEAN", [many, axes], [last], schema.ReducerOptionsT())
    path.with_suffix(".tflite").write_bytes(builder.finish([first], [last]))
    bundle = wrap_tflite(path.with_suffix(".tflite"))
    images = np.full((2, flat.SIDE, flat.SIDE, 3), 50, np.uint8)
    golden = io.BytesIO()
    np.savez(golden, frames=images, **replay(bundle, images, StreamOptions()))
    manifest = replace(bundle.manifest, version=version)
    write_bundle(path, manifest, {**bundle.members, GOLDEN: golden.getvalue()})


def test_a_run_that_has_no_time_for_both_takes_no_update(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its camera gives 100 frames a second; it decides on those that it has time for, and goes on."""
    pytest.importorskip("msgspec")  # the extra `config`
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(bad_updates.environment(tmp_path))
        monkeypatch.chdir(folder)
        (folder / "sent").mkdir()
        slow_bundle("1", folder / "door.edge")
        slow_bundle("2", folder / "sent" / "door.edge")
        url = stack.enter_context(lost_frames.camera(100.0))
        text = swaps.SETTINGS.format(url=url, more="", shadow_s=0, probation_s=1, latency_ms=9999)
        (folder / "run.toml").write_text(text.replace("decisions = 10", "decisions = 1"))
        service = stack.enter_context(started(folder, "--config", "run.toml", "--quiet"))
        wait_for(lambda: len(swaps.decisions(folder)) > 5)
        done = swaps.update("sent/door.edge")
        assert done.returncode == 1, (done, service.lines)
        assert re.fullmatch(
            r"update \S+ 2: refused, 0 of 1 decisions in \d+ s: too few were compared, as the run was "
            r"late, and (\d+) of \1 frames were left out; free the processor, or set a longer shadow_s "
            r"in \[update\]",
            done.stdout.splitlines()[-1],
        ), done.stdout
        assert swaps.heard(folder) == "1"
