import pytest

from edge.engine.delegate import Delegate
from edge.stream import StreamOptions
from edge_benchmarks.measure import processes as cold
from edge_benchmarks.measure.conditions import BenchFrames
from edge_common.errors import EngineError
from tests import tiny

FRAMES = BenchFrames("golden frames", tuple(tiny.frames(3)))


def test_figures_of_several_starts(monkeypatch) -> None:
    runs = iter([(0.9, 120.0), (0.5, 121.5), (0.7, 119.0)])

    def fake_run(command: list[str]) -> dict:
        seconds, megabytes = next(runs)
        return {"first_result_s": seconds, "peak_rss_mb": megabytes, "frames": 6}

    monkeypatch.setattr(cold.children, "run_for_json", fake_run)
    started = []
    found = cold.cold_start(
        cold.Starts("x.edge", StreamOptions(), FRAMES, 6, repeats=3), lambda: started.append(1)
    )
    assert (found.first_result_s.p50, found.first_result_s.min) == (0.7, 0.5)
    assert (found.peak_rss_bytes, found.frames, len(started)) == (121_500_000, 6, 3)


def test_edge_run_gets_the_same_options() -> None:
    options = StreamOptions("litert", 2, Delegate.parse("libx.so:a=1", strict=True))
    command = cold._command(cold.Starts("x.edge", options, FRAMES, 30), "clip.mp4")
    assert command[2:] == [
        "x.edge", "--runtime", "litert", "--threads", "2",
        "--delegate", "libx.so:a=1", "--strict-delegate",
        "--source", "clip.mp4", "--frames", "30", "--json",
    ]  # fmt: skip


def test_a_child_that_fails_says_why() -> None:
    with pytest.raises(
        EngineError, match="a fresh process failed .*there is no bundle 'nosuch.edge'"
    ):
        cold.cold_start(cold.Starts("nosuch.edge", StreamOptions(), FRAMES, 2))
