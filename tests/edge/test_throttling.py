"""A hot board: less is decided of live sources, never to and fro, and all of it again in the end."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings, strategies as st

from edge import throttling
from edge.bundle import Bundle
from edge.cli import main
from edge.commands import feeds, scene_options
from edge.stream import Decision, Frame, Stream
from edge.summary import RunSummary
from edge.throttling import (
    CALM_S,
    FACTORS,
    STEP_S,
    BoardHeat,
    BoardWatch,
    HeatPolicy,
    ThinnedStream,
)
from edge_devices.telemetry import temperature
from tests import tiny
from tests.devices.trees import PI_4, XAVIER_NX, FakeVcgencmd, plant
from tests.edge.sources.web import Handler, serving

HOT = BoardHeat(("throttled",), 82.0)
COOL = BoardHeat((), 55.0)
_TWIN = "sys/devices/platform/soc/soc:firmware/get_throttled"
_COOLING = "sys/class/thermal/cooling_device0"

heats = st.one_of(
    st.just(HOT), st.just(COOL), st.just(BoardHeat()),
    st.floats(40, 100).map(lambda c: BoardHeat((), c)), st.just(BoardHeat((), float("nan"))),
)  # fmt: skip
looks = st.lists(st.tuples(heats, st.floats(0.5, 40)), max_size=120)
limits = st.one_of(st.none(), st.floats(50, 90))


@given(looks, limits)
@settings(deadline=None)
def test_it_never_flaps_and_goes_back_to_all_of_the_work(
    steps: list[tuple[BoardHeat, float]], limit_c: float | None
) -> None:
    policy, now_s = HeatPolicy(limit_c), 0.0
    changed_s, hot_s = -1e9, -1e9
    for heat, passed_s in steps:
        now_s += passed_s
        before = FACTORS.index(policy.factor)
        is_hot = policy.is_hot(heat)
        hot_s = now_s if is_hot else hot_s
        has_changed = policy.take(heat, now_s)
        step = FACTORS.index(policy.factor) - before
        assert has_changed == (step != 0) and step in (-1, 0, 1)
        if step == 1:
            assert is_hot and now_s - changed_s >= STEP_S
        if step == -1:
            assert now_s - hot_s >= CALM_S and now_s - changed_s >= CALM_S
        changed_s = now_s if step else changed_s
        assert not is_hot or policy.factor > 1 or now_s - changed_s < STEP_S
    for _ in range(len(FACTORS) + 1):  # calm at last
        now_s += CALM_S
        policy.take(COOL if limit_c is None or limit_c > 61 else BoardHeat((), 20.0), now_s)
    assert policy.factor == 1


def test_each_ten_seconds_of_heat_halve_the_work_again_and_each_calm_minute_doubles_it() -> None:
    policy = HeatPolicy()
    factors = [(policy.take(HOT, float(s)), policy.factor)[1] for s in range(35)]
    assert factors == [2] * 10 + [4] * 10 + [8] * 15
    factors = [(policy.take(COOL, float(s)), policy.factor)[1] for s in range(35, 230)]
    assert factors == [8] * 60 + [4] * 60 + [2] * 60 + [1] * 15


def test_between_the_limit_and_five_degrees_less_nothing_changes() -> None:
    policy = HeatPolicy(70.0)
    assert policy.take(BoardHeat((), 70.0), 0.0) and policy.factor == 2
    assert not any(policy.take(BoardHeat((), 66.0), float(s)) for s in range(1, 1000))
    assert not policy.take(BoardHeat((), 64.9), 1000.0) and policy.take(BoardHeat((), 64.9), 1060.0)
    assert policy.factor == 1


def test_it_is_read_from_the_firmware_s_flags_and_from_cooling_drivers(tmp_path: Path) -> None:
    pi = plant(plant(tmp_path / "pi", PI_4), {_TWIN: "0\n"})
    assert throttling.read_heat(pi, FakeVcgencmd()).reasons == ()
    plant(pi, {_TWIN: "50005\n"})
    assert throttling.read_heat(pi, FakeVcgencmd()).reasons == ("under-voltage", "throttled")
    jetson = plant(tmp_path / "jetson", XAVIER_NX)
    assert throttling.read_heat(jetson).reasons == ()
    state = {"type": "thermal-cpufreq-0\n", "cur_state": "2\n", "max_state": "5\n"}
    plant(jetson, {f"{_COOLING}/{name}": text for name, text in state.items()})
    heat = throttling.read_heat(jetson)
    assert heat.reasons == ("thermal-cpufreq-0 2",) and heat.temperature_c
    assert throttling.read_heat(tmp_path / "nothing") == BoardHeat()


class Clock:
    """Seconds, that pass when told to."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def _watch(heat: list[BoardHeat], clock: Clock, cost_s: float = 0.0) -> BoardWatch:
    def read() -> BoardHeat:
        clock.now_s += cost_s
        return heat[0]

    return BoardWatch(HeatPolicy(), read, clock)


def test_changes_are_said_in_a_line_each_and_counted(capsys: pytest.CaptureFixture[str]) -> None:
    clock, heat = Clock(), [COOL]
    watch = _watch(heat, clock)
    for second in range(200):
        clock.now_s = float(second)
        heat[0] = HOT if 10 <= second < 25 else COOL
        watch.look()
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition("the board ")[2] for line in lines] == [
        "slows down (throttled) at 82 degrees: 1/2 of the work from now on",
        "slows down (throttled) at 82 degrees: 1/4 of the work from now on",
        "cools down at 55 degrees: 1/2 of the work from now on",
        "is cool at 55 degrees: all of the work again, after 135 s",
    ]
    state = watch.state
    changes = [change.to_json() for change in state.news]
    assert [(each["board"], each["factor"]) for each in changes] == [
        ("hot", 2), ("hot", 4), ("cooler", 2), ("cool", 1),
    ]  # fmt: skip
    hot = {"temperature_c": 82.0, "reasons": ["throttled"]}
    assert hot.items() <= changes[0].items() and "reduced_s" not in changes[0]
    assert changes[3]["reduced_s"] == 135.0
    assert state.to_json() == {
        "hot_s": 15.0, "reduced_s": 135.0, "reductions": 1, "factor": 1, "highest_c": 82.0,
    }  # fmt: skip
    assert state.lines() == ["board: hot for 15 s, at most at 82 degrees; less decided for 135 s"]
    assert state.text == "" and replace(state, factor=4).text.endswith("1/4 of the work")
    assert "board" in RunSummary("b", (), "r", board=state).to_json()


def test_a_slow_look_is_taken_rarely(capsys: pytest.CaptureFixture[str]) -> None:
    assert _watch([COOL], Clock()).look() == 1.0
    assert _watch([COOL], Clock(), cost_s=0.03).look() == pytest.approx(3.0)


class Inner:
    """Counts frames, as a stream of this window does."""

    def __init__(self, window: int) -> None:
        self.window, self.frames = window, list[int]()
        self.resets = 0

    def decisions(self, frame: Frame) -> Sequence[Decision]:
        self.frames.append(frame.number)
        return ["decision"] if len(self.frames) >= self.window else []  # type: ignore[list-item]

    def pause(self) -> None:
        self.frames.clear()

    def reset(self) -> None:
        self.pause()
        self.resets += 1


PIXELS = np.zeros((8, 8, 3), np.uint8)


@given(st.integers(1, 8), st.integers(1, 8), st.lists(st.sampled_from(FACTORS), max_size=150))
@settings(deadline=None)
def test_each_decision_is_of_consecutive_frames_and_their_share_is_as_the_factor_says(
    window: int, hop: int, factors: list[int]
) -> None:
    inner, now = Inner(window), [1]
    thinned = ThinnedStream(inner, window, hop, lambda: now[0])
    for number, factor in enumerate(factors):
        now[0] = factor
        if thinned.decisions(Frame(PIXELS, number)):
            newest = inner.frames[-window:]
            assert newest == list(range(number - window + 1, number + 1))
    factor = now[0] = factors[-1] if factors else 1
    length, start = factor * max(window, hop), len(factors)
    numbers = range(start, start + 4 * length)
    taken = [
        n for n in numbers if (thinned.decisions(Frame(PIXELS, n)), inner.frames[-1:] == [n])[1]
    ]
    expected = 4 * (window if factor > 1 else length)
    assert abs(len(taken) - expected) <= window
    now[0] = 1
    end = start + 4 * length
    for n in range(end, end + 3 * window):
        result = thinned.decisions(Frame(PIXELS, n))
    assert result and inner.frames[-1] == end + 3 * window - 1


def test_a_gap_among_frames_that_are_left_out_is_not_forgotten() -> None:
    inner = Inner(2)
    thinned = ThinnedStream(inner, 2, 1, lambda: 2)
    thinned.decisions(Frame(PIXELS, 0))
    assert inner.frames == [] and inner.resets == 0
    thinned.decisions(replace(Frame(PIXELS, 1), restart=True))
    assert inner.resets == 1


def test_a_real_network_decides_the_same_of_the_windows_that_are_left(tiny_bundle: Bundle) -> None:
    frames = tiny.frames(60)
    whole, inner, factor = Stream(tiny_bundle), Stream(tiny_bundle), [1]
    thinned = ThinnedStream(inner, tiny.WINDOW, 1, lambda: factor[0])
    expected = {d.frame: d for f in map(Frame, frames, range(60)) for d in whole.decisions(f)}
    seen = []
    for frame in map(Frame, frames, range(60)):
        factor[0] = 2 if 20 <= frame.number < 44 else 1
        seen += thinned.decisions(frame)
    hot = [each.frame for each in seen if 20 <= each.frame < 44]
    assert hot == [27, 35, 43]  # every second window of four frames
    assert not any(each.restart for each in seen[1:])
    for decision in seen:
        same = expected[decision.frame].tasks["size"]
        assert decision.tasks["size"].value == pytest.approx(same.value, abs=1e-6)
        assert decision.first_frame == decision.frame - tiny.WINDOW + 1


class Camera(Handler):
    """60 images, 50 a second."""

    def do_GET(self) -> None:
        jpegs = [cv2.imencode(".jpg", image)[1].tobytes() for image in tiny.frames(60, 48, 64)]
        self.send_images(jpegs * 20, 0.02)


@pytest.mark.parametrize("option", ["board", "never"])
def test_a_live_run_on_a_hot_board_decides_less_and_says_so(
    option: str,
    cli: CliRunner,
    tiny_bundle_path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hot = temperature.Throttling(("frequency capped",))
    monkeypatch.setattr(temperature, "read_throttling", lambda *_: hot)
    with serving(Camera) as url:
        run = [
            str(tiny_bundle_path),
            "--source",
            f"{url}/a.mjpeg",
            "--frames",
            "60",
            "--rate",
            "all",
            "--jsonl",
            str(tmp_path / "day.jsonl"),
        ]
        done = cli.invoke(main, [*run, "--quiet", "--json", "--throttle-at", option])
    assert done.exit_code == 0, done.output
    summary = json.loads(done.stdout.splitlines()[-1])
    lines = map(json.loads, (tmp_path / "day.jsonl").read_text().splitlines())
    changes = [line for line in lines if "board" in line]
    if option == "never":
        assert changes == []
        assert summary["decisions"] == 57 and "board" not in summary
        return
    assert summary["decisions"] < 20 and summary["frames"] == 60
    assert summary["board"]["factor"] == 2 and summary["board"]["reductions"] == 1
    assert "the board slows down (frequency capped)" in done.stderr
    (change,) = changes
    assert (change["board"], change["factor"]) == ("hot", 2)
    assert change["reasons"] == ["frequency capped"]


def test_a_recording_is_decided_on_as_a_whole_however_hot_it_gets(
    cli: CliRunner, tiny_bundle_path: Path, video_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttling, "BoardWatch", None)
    run = [str(tiny_bundle_path), "--source", str(video_path), "--quiet", "--json"]
    done = cli.invoke(main, run)
    assert json.loads(done.stdout)["decisions"] == 27


def test_people_get_less_of_a_frame_s_time_on_a_hot_board() -> None:
    summary = RunSummary("b", (), "r", board=throttling.BoardState(factor=4))
    people = scene_options.PeopleOptions("person", budget_ms=20.0)
    options = SimpleNamespace(people=people)
    assert feeds._budget(options, summary) == (5.0, ", 1/4 for heat")  # type: ignore[arg-type]
    summary.board = None
    assert feeds._budget(options, summary) == (20.0, "")  # type: ignore[arg-type]


@pytest.mark.parametrize("value", ["nan", "20", "121", "hot", ""])
def test_a_wrong_temperature_is_refused(value: str, cli: CliRunner) -> None:
    done = cli.invoke(main, ["face", "--camera", "0", "--throttle-at", value])
    assert done.exit_code == 2 and "--throttle-at" in done.output
