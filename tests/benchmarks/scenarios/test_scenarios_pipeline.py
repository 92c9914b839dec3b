import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from edge.sinks.jsonl import JsonLines
from edge.sources import open_source
from edge.stream import Decision, Frame, Stream
from edge_benchmarks.measure.timing import Plan
from edge_benchmarks.scenarios.pipeline import PipelineResult, measure_pipeline
from edge_common.data import decode, encode
from edge_common.errors import SourceError

PLAN = Plan(frames=40, seconds=0.0, warmup=2)


class Numbers:
    """A stream with a window of 3 whose encoder takes as many ms as the frame's number."""

    bundle = SimpleNamespace(manifest=SimpleNamespace(window=3))

    def reset(self) -> None:
        self._pushed = 0

    def decisions(self, frame: Frame) -> list[Decision]:
        self._pushed += 1
        if self._pushed < 3:
            return []
        return [Decision(frame.number, 0.0, 0.0, {"encoder": float(frame.number)}, {})]


def run(stream: object, source: Path, folder: Path, plan: Plan = PLAN, **options) -> PipelineResult:
    sink = str(folder / "decisions.jsonl")
    return measure_pipeline(
        stream, lambda: open_source(str(source)), lambda: JsonLines(sink), plan, **options
    )


def test_every_pass_begins_with_the_first_decision(video_path, tmp_path) -> None:
    samples = run(Numbers(), video_path, tmp_path).samples
    assert samples.rounds == (28, 12)
    assert samples.stages_ms["encoder"] == (*range(2, 30), *range(2, 14))
    assert list(samples.stages_ms) == ["capture", "encoder", "sink"]
    assert {len(series) for series in samples.stages_ms.values()} == {40}


def test_ctrl_c_keeps_the_frames_so_far(video_path, tmp_path) -> None:
    seen = []

    def interrupt() -> None:
        seen.append(1)
        if len(seen) == 5 + 10:  # five warm up
            raise KeyboardInterrupt

    found = run(Numbers(), video_path, tmp_path, on_frame=interrupt)
    assert (found.samples.rounds, found.complete) == ((8,), False)


@pytest.mark.parametrize("frames", [1, 5 + 2])
def test_ctrl_c_before_a_decision_leaves_nothing(video_path, tmp_path, frames: int) -> None:
    seen = []

    def interrupt() -> None:
        seen.append(1)
        if len(seen) == frames:
            raise KeyboardInterrupt

    found = run(Numbers(), video_path, tmp_path, on_frame=interrupt)
    assert (found.samples.total_ms, found.complete) == ((), False)


def test_a_recording_without_a_decision_is_an_error(image_folder, tmp_path) -> None:
    for picture in sorted(image_folder.iterdir())[2:]:
        picture.unlink()
    with pytest.raises(SourceError, match="holds 2 frames, too few for a window of 3"):
        run(Numbers(), image_folder, tmp_path)


def test_time_that_is_up_ends_a_pass_before_its_first_decision(video_path, tmp_path) -> None:
    times = iter([0, 0, 0])  # the start, and twice after the first pass
    plan = Plan(frames=28, seconds=1.0, warmup=2)
    found = run(Numbers(), video_path, tmp_path, plan, clock=lambda: next(times, 10**9))
    assert (found.samples.rounds, found.complete) == ((28,), True)


def test_all_stages_of_a_real_bundle(tiny_bundle, video_path, tmp_path) -> None:
    found = run(Stream(tiny_bundle), video_path, tmp_path)
    samples = found.samples
    assert list(samples.stages_ms) == ["capture", "preprocess", "encoder", "head", "sink"]
    assert samples.rounds == (27, 13)
    assert all(min(series) > 0 for series in samples.stages_ms.values())
    for total, *stages in zip(samples.total_ms, *samples.stages_ms.values()):
        assert total > sum(stages)
    lines = (tmp_path / "decisions.jsonl").read_text().splitlines()
    assert json.loads(lines[-1])["frame"] == 15
    assert decode(PipelineResult, encode(found)) == found
