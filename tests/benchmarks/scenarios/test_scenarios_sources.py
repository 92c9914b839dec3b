"""Cameras of the network: a server of our own, ffmpeg's streams, edge-run as it is installed."""

import json
import shutil
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from edge import sources
from edge.stream import StreamOptions
from edge_benchmarks.commands.run import run
from edge_benchmarks.judge import records
from edge_benchmarks.judge.compare import changes
from edge_benchmarks.measure import live_run, video_server
from edge_benchmarks.measure.conditions import choose_frames
from edge_benchmarks.measure.processes import edge_run
from edge_benchmarks.record import read_record, to_json
from edge_benchmarks.scenarios.source_rounds import (
    Outages,
    SourceRounds,
    StreamLoad,
    Viewer,
    WholeWay,
)
from edge_benchmarks.scenarios.sources import Sources, SourcesResult
from edge_benchmarks.show.terminal import report
from edge_benchmarks.show.writing import csv_text, write_report
from edge_common import ConfigError, EngineError, SourceError
from tests.benchmarks.samples import RECORD

needs_ffmpeg = pytest.mark.skipif(not shutil.which("ffmpeg"), reason="needs ffmpeg")

RESULT = SourcesResult(
    "test pattern", 1280, 720, 300,
    {"h264": WholeWay(62.5, (3.0, 3.3, 2.7), (1.2, 1.2, 1.2), (1.8, 1.8, 1.8), dropped=4)},
    (StreamLoad(1, 100.0, 0.5, 90_000_000, 60_000_000), StreamLoad(2)),
    {"freeze": Outages((1.0, 1.25), (0.5, 0.75)), "restart": Outages((), (0.25, 1.0))},
)  # fmt: skip


def record_of(result: SourcesResult):
    return replace(RECORD, scenarios={"sources": result})


def test_the_ratio_is_of_each_round() -> None:
    assert RESULT.ways["h264"].ratios == pytest.approx((1.0, 1.1, 0.9))
    assert RESULT.ways["h264"].least_ratio == pytest.approx(0.9)
    usage = live_run.Usage(1.0, 0.6, 200, 2, None, None)
    way = WholeWay(50.0).with_round(usage, 1.0, 2.0)
    assert way == WholeWay(50.0, (3.0,), (1.0,), (2.0,), 2)


def test_terminal_pages_and_rows(tmp_path: Path) -> None:
    record = record_of(RESULT)
    text = report(record)
    assert (
        "3.00 ms of processor time a frame, 1.00 x decoding and parts alone (3.00); least of each 0.90 x"
        in text
    )
    assert "4 frames were dropped at 62 Hz: close other programs" in text
    assert "100 frames/s each without a drop, 0.50 cores; PSS 90.0 MB, runner 60.0 MB" in text
    assert "noticed after 1.12 s p50, 1.25 most; back 0.62 s p50, 0.75 most" in text
    for suffix, start in ((".md", "### Sources\n"), (".html", ">Sources</h3>")):
        write_report(tmp_path / f"report{suffix}", [record])
        assert start in (tmp_path / f"report{suffix}").read_text()
    header, row, *_ = csv_text([record]).splitlines()
    assert header.endswith(",whole_way_h264_ratio,freeze_back_max_s,restart_back_max_s")
    assert row.endswith(",1.0,0.75,1.0")


def test_other_cameras_are_not_compared() -> None:
    before = record_of(RESULT)
    after = record_of(replace(RESULT, width=640, height=480))
    differences = records.setting_differences(before, after)
    assert differences == (
        "what cameras send: test pattern, 1280 x 720 and test pattern, 640 x 480",
    )
    assert records.setting_differences(before, RECORD) == ()
    with pytest.raises(ConfigError, match="what cameras send"):
        records.compare_records(("a.json", "b.json"), before, after)
    figures = {change.figure: change for change in changes(before, before)}
    assert figures["whole way of H.264"].before == pytest.approx(1.0)
    assert "whole way of MJPEG" not in figures


def test_without_ffmpeg_the_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SourceError, match="sudo apt install ffmpeg"):
        video_server.run_ffmpeg("-version")


@pytest.mark.usefixtures("unconfined")
@pytest.mark.parametrize(
    ("options", "path", "reason"),
    [
        ("--device emulated:pi-5", None, "the sources scenario measures this machine"),
        ("", "", "sudo apt install ffmpeg"),
    ],
)
def test_what_it_cannot_measure_is_said_before_anything_is_measured(
    monkeypatch: pytest.MonkeyPatch, options: str, path: str | None, reason: str
) -> None:
    if path is not None:
        monkeypatch.setenv("PATH", path)
    arguments = "faces-in-motion --frames 4 --seconds 0.01 --rounds 1 --processes 0"
    words = [*arguments.split(), "--scenario", "sources", *options.split()]
    result = CliRunner().invoke(run, words)
    assert result.exit_code == 2 and reason in result.stderr.splitlines()[-1]
    assert "timing, rounds" not in result.stderr and not result.stdout


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("video") / "mjpeg.mkv"
    source = "-f lavfi -i testsrc2=size=320x240:rate=25:duration=2 -c:v mjpeg"
    assert video_server.run_ffmpeg(*source.split(), path) > 0
    return path


@needs_ffmpeg
def test_what_ffmpeg_refuses_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"ffmpeg failed \(.*No such file"):
        video_server.run_ffmpeg("-i", tmp_path / "none.mkv", "-f", "null", "-")


@needs_ffmpeg
def test_a_server_that_freezes_and_one_that_dies(video: Path) -> None:
    with (
        video_server.VideoServer(video, speed=2.0) as server,
        sources.open_source(server.url, sources.FrameNeeds((32, 32))) as source,
    ):
        viewer = Viewer(source)
        viewer.let_flow()
        server.freeze()
        assert viewer.time_to_stall() >= 0.9
        server.thaw()
        assert viewer.time_to_frame() > 0
        viewer.let_flow()
        server.close()
        time.sleep(0.2)
        server.start()
        assert viewer.time_to_frame() > 0
        assert source.gaps and source.gaps.reconnects >= 2


@needs_ffmpeg
def test_two_sources_in_one_run(tiny_bundle_path: Path, video: Path) -> None:
    command = edge_run(str(tiny_bundle_path), StreamOptions())
    with (
        video_server.VideoServer(video) as server,
        live_run.LiveRun(command, [f"{server.url}{number}" for number in range(2)], 1) as both,
    ):
        both.measure(20)
        usage = both.measure(40)
    assert usage.frames >= 40 and usage.dropped == 0
    assert 0 < usage.cpu_s < usage.wall_s
    assert usage.pss_bytes and usage.runner_pss_bytes
    assert usage.pss_bytes > usage.runner_pss_bytes


@needs_ffmpeg
def test_a_run_that_ends_says_why(tiny_bundle_path: Path) -> None:
    command = edge_run(str(tiny_bundle_path), StreamOptions())
    with (
        live_run.LiveRun(command, ["http://127.0.0.1:1/"]) as broken,
        pytest.raises(EngineError, match="edge-run gave no more decisions .*refused"),
    ):
        broken.measure(1)


@needs_ffmpeg
def test_a_run_from_the_command_line(
    tiny_bundle_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # how even the figures are is of no concern here
    monkeypatch.setattr("edge_benchmarks.scenarios.source_rounds._SETTLING", 20)
    path = tmp_path / "record.json"
    arguments = (
        f"{tiny_bundle_path} --frames 10 --seconds 0.01 --rounds 1 --processes 0 --scenario sources "
        f"--camera-size 160x120 --streams 1 --outages 1 -o {path}"
    )
    result = CliRunner().invoke(run, arguments.split())
    assert result.exit_code == 0, result.output
    record = read_record(path)
    assert json.loads(to_json(record)) == json.loads(path.read_text())
    measured = Sources.result_of(record)
    assert measured and measured.complete
    assert (measured.video, measured.width, measured.frames) == ("test pattern", 160, 10)
    for way in measured.ways.values():
        assert len(way.ratios) == 1
        assert min(*way.whole_ms, *way.decode_ms, *way.engine_ms) >= 0
    assert [load.streams for load in measured.loads] == [1]
    assert len(measured.outages["freeze"].noticed_s) == len(measured.outages["restart"].back_s) == 1


@needs_ffmpeg
def test_ones_own_video_is_sent(video_path: Path, tmp_path: Path) -> None:
    frames = choose_frames(SimpleNamespace(), None, str(video_path))
    inputs = SimpleNamespace(frames=frames, engine=SimpleNamespace(threads=1))
    rounds = SourceRounds(inputs, (160, 120), tmp_path)
    assert rounds.video == "clip.mp4"
    for name in ("h264.mkv", "mjpeg.mkv"):
        with sources.open_source(str(tmp_path / name)) as source:
            sent = [frame.pixels for frame in source]
        assert (len(sent), sent[0].shape) == (30, (120, 160, 3))
        expected = cv2.resize(frames.pixels[20], (160, 120))
        assert np.abs(sent[20].astype(int) - expected).mean() < 8
