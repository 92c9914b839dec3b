"""A batch gives the answers of edge-run, however it is cut, killed and begun again."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import pytest
from click.testing import CliRunner

from edge import shipped
from edge.bundle import open_bundle, write_bundle
from edge.cli import main as edge_run
from edge_common import ConfigError, SourceError, cluster
from edge_fleet.batch import recordings
from edge_fleet.batch.batch import BatchRun, RecordingOutcome, part_paths, write_decisions
from edge_fleet.batch.cli import main
from edge_fleet.batch.parts import ALL, PartFolder
from edge_fleet.batch.rows import read_rows
from edge_fleet.batch.work import Job

pytestmark = pytest.mark.skipif(not shutil.which("ffmpeg"), reason="ffmpeg makes the videos")
BUNDLE = shipped.BENCHMARK_BUNDLE
_H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
# B frames that refer over the ends of groups; every frame a key frame; frames that come as they like
KINDS = {
    "b-frames.mp4": (*_H264, "-bf", "3", "-g", "40", "-x264-params", "open-gop=1:b-adapt=0"),
    "still-images.avi": ("-c:v", "mjpeg", "-q:v", "6"),
    "variable.mp4": ("-vf", "select='gt(mod(n,5),1)'", "-fps_mode", "vfr", *_H264, "-g", "50"),
    "unclear.avi": ("-c:v", "mpeg4", "-bf", "2", "-g", "50"),
}
LENGTH, FRAMES = 60, 220


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("videos")
    for name, codec in KINDS.items():
        test_picture = f"testsrc2=size=128x96:rate=50:duration={FRAMES / 50}"
        command = [
            "ffmpeg",
            "-v",
            "error",
            "-f",
            "lavfi",
            "-i",
            test_picture,
            *codec,
            folder / name,
        ]
        subprocess.run(command, check=True)
    return folder


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    with cluster.connected(workers=2) as opened:
        yield opened


@pytest.fixture(scope="module")
def job() -> Job:
    path = shipped.find_bundle(BUNDLE)
    data, sha256 = path.read_bytes(), open_bundle(path).sha256
    return Job(sha256, data, hop=2, gate=False, length=LENGTH)


def _parts(folder: Path) -> PartFolder:
    folder.mkdir(exist_ok=True)
    return PartFolder(folder)


def _rows(
    parts: PartFolder, outcomes: Sequence[RecordingOutcome], job: Job
) -> list[dict[str, Any]]:
    path = parts.folder / "all.parquet"
    write_decisions(path, parts, outcomes, job, job.open().manifest.tasks)
    return list(read_rows(str(path)))


def _as_line(row: dict[str, Any]) -> dict[str, Any]:
    """A row in the form of a JSON line, without what a clock said."""
    tasks: dict[str, dict[str, Any]] = {}
    for name, value in row.items():
        _, _, rest = name.partition("tasks.")
        task, _, key = rest.rpartition(".")
        if rest and key != "scores" and value is not None:
            tasks.setdefault(task, {})[key] = value
    keys = ("source", "frame", "first_frame", "time_s", "restart", "bundle_sha256")
    return {**{key: row[key] for key in keys}, "tasks": tasks}


def _lines_of_run(video: Path, folder: Path) -> list[dict[str, Any]]:
    path = folder / f"{video.name}.jsonl"
    options = ["--no-gate", "--hop", "2", "--quiet", "--jsonl", str(path)]
    result = CliRunner().invoke(edge_run, [BUNDLE, "--source", str(video), *options])
    assert result.exit_code == 0, result.output
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    clock = ("at", "captured_at", "age_ms", "latency_ms")
    return [
        {"restart": False, **{key: value for key, value in line.items() if key not in clock}}
        for line in lines
    ]


@pytest.mark.parametrize("name", KINDS)
def test_a_batch_answers_as_one_uninterrupted_run(
    client: Any, job: Job, videos: Path, tmp_path: Path, name: str
) -> None:
    parts = _parts(tmp_path / "parts")
    (outcome,) = BatchRun(client, job, parts).run(recordings.find([str(videos / name)]))
    assert outcome.is_whole and outcome.layout
    # what cannot be reached exactly is one chunk, and says so
    assert (
        (outcome.layout.bounds == (ALL,)) == bool(outcome.layout.reason) == (name == "unclear.avi")
    )
    rows = _rows(parts, [outcome], job)
    assert list(map(_as_line, rows)) == _lines_of_run(videos / name, tmp_path)


def test_a_damaged_recording_is_answered_as_by_edge_run_and_said(
    client: Any, job: Job, videos: Path, tmp_path: Path
) -> None:
    content = bytearray((videos / "b-frames.mp4").read_bytes())
    begin = len(content) // 2
    content[begin : begin + 6000] = bytes(6000)
    damaged = tmp_path / "damaged.mp4"
    damaged.write_bytes(content)
    parts = _parts(tmp_path / "parts")
    (outcome,) = BatchRun(client, job, parts).run(recordings.find([str(damaged)]))
    assert "could be read" in outcome.warning and not outcome.is_whole
    rows = _rows(parts, [outcome], job)
    assert list(map(_as_line, rows)) == _lines_of_run(damaged, tmp_path)


def test_killed_workers_lose_nothing_and_repeat_nothing(
    client: Any, job: Job, videos: Path, tmp_path: Path
) -> None:
    found = recordings.find([str(videos)])
    calm = _parts(tmp_path / "calm")
    expected = _rows(calm, BatchRun(client, job, calm).run(found), job)
    victims = iter(list(client.run(os.getpid).values()))
    kills = []

    def kill_a_worker(finished: int, total: int) -> None:
        if pid := next(victims, None):
            os.kill(pid, signal.SIGKILL)
            kills.append(pid)

    parts = _parts(tmp_path / "killed")
    outcomes = BatchRun(client, job, parts, kill_a_worker).run(found)
    assert len(kills) == 2 and all(each.is_whole for each in outcomes)
    assert _rows(parts, outcomes, job) == expected


def test_an_interrupted_batch_goes_on_with_what_is_finished(
    client: Any, job: Job, videos: Path, tmp_path: Path
) -> None:
    found, parts = recordings.find([str(videos / "b-frames.mp4")]), _parts(tmp_path / "parts")

    def interrupt(finished: int, total: int) -> None:
        if len(list(parts.folder.glob("*.parquet"))) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        BatchRun(client, job, parts, interrupt).run(found)
    finished = {path: path.stat().st_mtime_ns for path in parts.folder.glob("*.parquet")}
    assert len(finished) == 2
    (outcome,) = BatchRun(client, job, parts).run(found)
    assert {path: path.stat().st_mtime_ns for path in finished} == finished
    frames = [row["frame"] for row in _rows(parts, [outcome], job)]
    assert frames == list(range(28, FRAMES, 4)) and outcome.frames == FRAMES

    # nothing is left to do: no worker is asked
    class NoClient:
        def submit(self, *values: object, **options: object) -> None:
            assert values[0].__name__ == "_unchanged"  # type: ignore[attr-defined]

    assert BatchRun(NoClient(), job, parts).run(found) == [outcome]


def test_a_terminals_interrupt_is_left_to_the_command(client: Any) -> None:
    def blocked() -> list[int]:
        return sorted(signal.pthread_sigmask(signal.SIG_BLOCK, []))

    assert all(signal.SIGINT in mask for mask in client.run(blocked).values())
    assert signal.SIGINT not in blocked()


def test_another_bundle_or_option_is_another_part(job: Job, videos: Path) -> None:
    recording, other = recordings.find([str(videos)])[:2]
    keys = {
        job.key(recording), job.key(other), Job("another", b"").key(recording),
        Job(job.sha256, b"", hop=3, gate=False, length=LENGTH).key(recording),
    }  # fmt: skip
    assert len(keys) == 4
    assert job.key(recording) == Job(job.sha256, b"", hop=2, gate=False, length=LENGTH).key(
        recording
    )


def test_what_is_corrupt_is_one_line_and_the_rest_is_done(videos: Path, tmp_path: Path) -> None:
    folder = tmp_path / "day"
    folder.mkdir()
    shutil.copy(videos / "still-images.avi", folder / "good.avi")
    (folder / "broken.mp4").write_bytes(b"no video" * 100)
    (folder / "empty.mp4").touch()
    output = tmp_path / "decisions.parquet"
    arguments = [BUNDLE, str(folder), "-o", str(output), "--no-gate", "--workers", "1", "--quiet"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 1
    rows = [line for line in result.output.splitlines() if "not decided" in line]
    assert len(rows) == 2 and "broken.mp4" in rows[0] and "empty.mp4" in rows[1]
    assert "1 of 3 recordings, 220 frames, 96 decisions" in result.output
    assert [row["frame"] for row in read_rows(str(output))] == list(range(28, FRAMES, 2))


def test_a_part_that_finds_no_room_is_one_line(
    client: Any, job: Job, videos: Path, tmp_path: Path
) -> None:
    parts = PartFolder(tmp_path / "gone")
    outcomes = BatchRun(client, job, parts).run(recordings.find([str(videos / "variable.mp4")]))
    assert "No such file" in outcomes[0].problem
    assert list(part_paths(parts, outcomes)) == []


def test_a_full_disk_costs_what_found_no_room_until_there_is_some(
    client: Any, job: Job, videos: Path, tmpfs: Path
) -> None:
    ballast = tmpfs / "ballast"
    ballast.write_bytes(bytes(475_000))
    parts, found = _parts(tmpfs / "parts"), recordings.find([str(videos)])
    outcomes = BatchRun(client, job, parts).run(found)
    problems = [each.problem for each in outcomes if each.problem]
    assert problems and all("No space left on device" in each for each in problems)
    ballast.unlink()
    assert all(each.is_whole for each in BatchRun(client, job, parts).run(found))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing-*.mp4"], "leads to no recording"),
        (["absent.mp4"], "there is no recording absent.mp4"),
        (["nowhere://bucket/day"], "nowhere://bucket/day cannot be opened"),
        (["-o", "absent/out.parquet"], "make the folder"),
        (["--scheduler", "tcp://127.0.0.1:9"], "there is no Dask scheduler at tcp://127.0.0.1:9"),
        (["--scheduler", "host"], "there is no Dask scheduler at host"),
        (["--budget-ms", "5"], "recordings wait"),
        (["--events", "events.jsonl"], "go together"),
    ],
)
def test_bad_input_is_one_line(
    videos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.setattr(cluster, "_CONNECT_S", 1)
    monkeypatch.chdir(tmp_path)
    usual = [BUNDLE, "-o", "out.parquet", "--quiet", "--no-gate"]
    is_source = not arguments[0].startswith("-")
    sources = [] if is_source else [str(videos / "variable.mp4")]
    result = CliRunner().invoke(main, [*usual, *sources, *arguments])
    assert result.exit_code == 2 and message in result.output
    assert len(result.output.strip().splitlines()) == 1 and not list(tmp_path.glob("*.parquet"))


def test_two_bundles_are_compared_with_clips_to_look_at(videos: Path, tmp_path: Path) -> None:
    whole = open_bundle(BUNDLE)
    swapped = replace(whole.manifest.input, colour_order="BGR")
    other = tmp_path / "other.edge"
    write_bundle(other, replace(whole.manifest, input=swapped), whole.members)
    folder = tmp_path / "report"
    arguments = ["compare", BUNDLE, str(other), str(videos / "variable.mp4"), "-o", str(folder)]
    result = CliRunner().invoke(main, [*arguments, "--json", "--quiet", "--workers", "1"])
    assert result.exit_code == 0, result.output
    content = json.loads(result.output.splitlines()[-1])
    assert content["tasks"].keys() == {"reid", "action"}
    worst = max(content["stretches"], key=lambda each: each["answers"])
    with av.open(str(folder / "clips" / "01.mp4")) as clip:
        frames = sum(1 for _ in clip.decode(video=0))
    assert frames >= worst["last"] - worst["first"] + 1 > 0
    assert '<a href="clips/01.mp4">' in (folder / "index.html").read_text()


def test_events_are_those_that_edge_run_tells(videos: Path, tmp_path: Path) -> None:
    config, output = tmp_path / "run.toml", tmp_path / "out.parquet"
    config.write_text(
        f'bundle = "{BUNDLE}"\n[[alert]]\ntask = "action"\nis = ["left"]\nfor_s = 0.1\n'
    )
    video, events = str(videos / "variable.mp4"), tmp_path / "events.jsonl"
    judged = ["--config", str(config), "--events", str(events)]
    usual = ["--no-gate", "--quiet"]
    batch = [BUNDLE, video, "-o", str(output), *judged, *usual, "--workers", "1"]
    assert CliRunner().invoke(main, [*batch, "--chunk-frames", "60"]).exit_code == 0
    lines = tmp_path / "run.jsonl"
    run = ["--config", str(config), "--source", video, "--jsonl", str(lines), "--drift", "0"]
    assert CliRunner().invoke(edge_run, [*run, *usual]).exit_code == 0
    keys = ("event", "time_s", "label", "peak", "mean", "started_time_s", "ended_time_s", "frames")

    def told(path: Path) -> list[dict[str, Any]]:
        content = [json.loads(line) for line in path.read_text().splitlines()]
        return [{key: each.get(key) for key in keys} for each in content if "event" in each]

    assert told(events) == told(lines) != []


def test_other_versions_are_refused(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    versions = client.get_versions()
    versions["scheduler"]["packages"]["distributed"] = "2020.1"
    monkeypatch.setattr(client, "get_versions", lambda: versions)
    with pytest.raises(
        ConfigError, match="the scheduler of tcp has distributed 2020.1, this machine"
    ):
        cluster._refuse_other_versions(client, "tcp")


def test_recordings_are_listed_once_and_in_order(tmp_path: Path) -> None:
    for name in ("b.mp4", "a.mkv", "notes.md"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "all.txt").write_text(f"# of today\n{tmp_path}/b.mp4\n\n{tmp_path}\n")
    names = [Path(each.url).name for each in recordings.find([str(tmp_path / "all.txt")])]
    assert names == ["b.mp4", "a.mkv"]
    assert [each.size_bytes for each in recordings.find([f"{tmp_path}/*.m*"])] == [1, 1, 1]
    before = recordings.find([str(tmp_path / "b.mp4")])[0].identity
    (tmp_path / "b.mp4").write_bytes(b"xy")
    assert recordings.find([str(tmp_path / "b.mp4")])[0].identity != before


def test_a_remote_recording_is_copied_while_it_is_read() -> None:
    import fsspec

    fsspec.filesystem("memory").pipe("/day/clip.mp4", b"abc")
    (recording,) = recordings.find(["memory://day"])
    with recording.local_file() as path:
        assert Path(path).read_bytes() == b"abc" and path.endswith("clip.mp4")
    assert not Path(path).exists()
    fsspec.filesystem("memory").rm("/day", recursive=True)
    with pytest.raises(SourceError, match="cannot be copied"), recording.local_file():
        pass
