import json

import pytest

from edge.engine.delegate import Delegate
from edge.stream import StreamOptions
from edge_benchmarks.measure.conditions import BenchFrames
from edge_benchmarks.measure.processes import ColdStart, Starts
from edge_benchmarks.scenarios import cold as scenario
from edge_benchmarks.statistics import summarise
from edge_common.data import decode, encode
from edge_common.errors import EngineError
from tests import tiny
from tests.benchmarks.fakes import FakeClock

FRAMES = BenchFrames("golden frames", tuple(tiny.frames(3)))


def test_steps_follow_each_other_from_before_the_process() -> None:
    clock = FakeClock()
    clock.pass_ms(1000.0)
    asked = []

    def run(arguments: list[str]) -> dict[str, int]:
        asked.append(arguments)
        return {"interpreter": 1_050_000_000, "import": 1_300_000_000, "bundle": 1_310_000_000}

    options = StreamOptions("litert", 2, Delegate.parse("lib.so:a=1"), hop=3)
    found = scenario.steps_s("x.edge", options, "f", run, clock)
    assert found == pytest.approx({"interpreter": 0.05, "import": 0.25, "bundle": 0.01})
    ((bundle, source, options_json),) = asked
    assert (bundle, source) == ("x.edge", "f")
    assert decode(StreamOptions, json.loads(options_json)) == options


def _replace(monkeypatch: pytest.MonkeyPatch, interrupted_at: int) -> None:
    """Processes that need no time; the user presses Ctrl-C at one of them."""
    starts = iter(range(10))

    def start(*arguments: object, **options: object) -> ColdStart:
        number = next(starts)
        if number == interrupted_at:
            raise KeyboardInterrupt
        return ColdStart(summarise([0.5 + number]), 100 + number, 6)

    monkeypatch.setattr("edge_benchmarks.measure.processes.cold_start", start)
    monkeypatch.setattr(scenario, "steps_s", lambda *arguments: {"import": 0.25, "bundle": 0.5})


@pytest.mark.parametrize(("interrupted_at", "complete"), [(9, True), (2, False)])
def test_every_start_is_kept(
    monkeypatch: pytest.MonkeyPatch, interrupted_at: int, complete: bool
) -> None:
    _replace(monkeypatch, interrupted_at)
    repeats = 2 if complete else 5
    found = scenario.measure_cold(Starts("x.edge", StreamOptions(), FRAMES, 6, repeats))
    assert found == scenario.ColdResult(
        (0.5, 1.5), 101, (0.75, 0.75), {"import": (0.25, 0.25), "bundle": (0.5, 0.5)}, complete
    )


def test_ctrl_c_before_the_first_start_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    _replace(monkeypatch, 0)
    found = scenario.measure_cold(Starts("x.edge", StreamOptions(), FRAMES, 6, repeats=5))
    assert found == scenario.ColdResult(complete=False)


def test_fresh_processes_of_a_real_bundle(tiny_bundle_path) -> None:
    found = scenario.measure_cold(
        Starts(str(tiny_bundle_path), StreamOptions(), FRAMES, tiny.WINDOW)
    )
    assert found.complete and found.first_result_s[0] > 0 and found.peak_rss_bytes > 10e6
    assert list(found.steps_s) == [
        "interpreter", "import", "bundle", "engines", "source", "first frame", "window",
    ]  # fmt: skip
    assert all(seconds > 0 for (seconds,) in found.steps_s.values())
    assert decode(scenario.ColdResult, encode(found)) == found


def test_a_process_that_fails_says_why(tiny_bundle_path, image_folder) -> None:
    for picture in sorted(image_folder.iterdir())[2:]:
        picture.unlink()
    arguments = [str(tiny_bundle_path), str(image_folder), "{}"]
    with pytest.raises(EngineError, match="ends before the window is full"):
        scenario.run_steps(arguments)
