"""Event clips: exact to the frame, whole, within a quota."""

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

pytest.importorskip("av", reason="needs the extra clips")

import av

from edge import sinks
from edge.events.alert import ClipLength
from edge.sinks import Gap
from edge.sinks.clips import ClipSink, calls
from edge.sinks.clips.calls import CallThread
from edge.sinks.clips.files import EventClipFiles
from edge.sinks.clips.film import Film, FilmClips
from edge.sinks.clips.maker import ClipMaker
from edge.sinks.clips.packets import CODECS, JpegEncoder
from edge.sinks.clips.times import AlertTimes, ClipTimes
from edge.sinks.quota import Quota
from edge.sources import open_source
from edge.stream import Frame
from edge_common import Closable, SinkError
from tests.edge.service.processes import wait_for
from tests.edge.sinks import samples
from tests.wheels import ROOT

SIDE, BITS = 16, 10


def _frame(number: int) -> Frame:
    """Its number in ten black or white squares, which no codec blurs."""
    bits = [number >> bit & 1 for bit in range(BITS)]
    row = np.repeat(np.array(bits, np.uint8) * 200 + 20, SIDE)
    pixels = np.repeat(np.tile(row, (4 * SIDE, 1))[:, :, None], 3, axis=2)
    return Frame(pixels, number, 50.0 + number / 25)


def _number(image: np.ndarray) -> int:
    means = [image[:, i * SIDE : (i + 1) * SIDE].mean() for i in range(BITS)]
    return sum((mean > 120) << bit for bit, mean in enumerate(means))


def _numbers(path: Path) -> list[int]:
    with av.open(str(path)) as container:
        return [_number(each.to_ndarray(format="bgr24")) for each in container.decode(video=0)]


def _sink(folder: Path, codec: str = "h264", quota: int = 1 << 30, **times: float) -> ClipSink:
    times = {"before_s": 2.0, "after_s": 1.0, **times}
    clips = EventClipFiles(Quota(folder, "*-*", quota, 1.0))
    return ClipSink(clips, AlertTimes(ClipTimes(**times)), codec, 0, 25.0)


def _record(sink: ClipSink, frames: int, begin: int, end: int | None, late: int = 5) -> None:
    """An event that begins and ends with these frames, and is told of `late` frames later."""
    first = replace(samples.event(begin), best=samples.moment(begin + 3))
    for number in range(frames):
        if number == begin + late:
            sink.take_event(first, _frame(number))
        if end is not None and number == end + late:
            last = replace(samples.ended(first, end), newest=samples.moment(number))
            sink.take_event(last, _frame(number))
        sink.take(_frame(number), [])


@pytest.mark.parametrize("codec", CODECS)
def test_a_clip_begins_and_ends_with_its_very_frames(tmp_path: Path, codec: str) -> None:
    with _sink(tmp_path, codec) as sink:
        _record(sink, 300, begin=120, end=200)
    (path,) = tmp_path.glob("*.mp4")
    assert _numbers(path) == list(range(120 - 50, 200 + 25 + 1))
    facts = json.loads(path.with_suffix(".json").read_text())
    assert (facts["first_frame"], facts["last_frame"], facts["frames"]) == (70, 225, 156)
    assert facts["event"]["event"] == "end" and facts["clip"] == path.name
    snapshot = cv2.imread(str(path.with_suffix(".jpg")))
    assert _number(snapshot) == 123
    assert cv2.VideoCapture(str(path)).isOpened()


FILMS = {
    "b-frames.mp4": "-c:v libx264 -bf 3 -g 48",
    "b-frames.mkv": "-c:v libx264 -bf 3 -g 48",
    "long-groups.mov": "-c:v libx264 -bf 0 -g 400",
    "other-codec.mp4": "-c:v mpeg4 -g 40",
    "cut.mp4": "-c:v libx264 -bf 2 -g 30 -ss 0.44",
}


def _film(path: Path, options: str, more: str = "") -> Path:
    """400 frames of 25 a second, or what is left of them."""
    pixels = b"".join(_frame(number).pixels.tobytes() for number in range(400))
    form = "-f rawvideo -pix_fmt bgr24 -s 160x64 -r 25 -i -"
    command = f"ffmpeg -v error {form} {options} -pix_fmt yuv420p".split()
    subprocess.run([*command, str(path)], input=pixels, check=True)
    return path


def _record_film(path: Path, folder: Path, options: str = "", late: int = 5) -> list[dict]:
    """A run over the film with an event at its frames 120 to 200, a second before and after."""
    needs = [number for number, frame in enumerate(open_source(str(path))) if number in (120, 200)]
    assert needs == [120, 200]
    with open_source(str(path)) as source:
        run = replace(samples.RECORDING, recording=source.recording)
        request = sinks.registry().find(f"clips:{folder}:before=1,after=1{options}")
        ((sink,),) = sinks.open_sinks([request], [run])
        moments = {}
        for frame in source:
            moments[frame.number] = replace(samples.moment(frame.number), time_s=frame.time_s)
            if frame.number == 120 + late:
                first = replace(samples.event(120), started=moments[120], best=moments[123])
                sink.take_event(first, frame)
            if frame.number == 200 + late:
                last = {"ended": moments[200], "newest": moments[frame.number]}
                sink.take_event(replace(first, phase="end", **last), frame)
            sink.take(frame, [])
        sink.close()
    return [json.loads(facts.read_text()) for facts in folder.glob("*.json")]


@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="needs Debian's ffmpeg")
@pytest.mark.parametrize("name", FILMS)
@pytest.mark.parametrize("options", ["", ",codec=mpeg4", ",height=32"])
def test_a_clip_of_a_film_is_exact_whatever_its_packets_are(
    tmp_path: Path, name: str, options: str
) -> None:
    path, shift = _film(tmp_path / name, FILMS[name]), 11 if name == "cut.mp4" else 0
    (facts,) = _record_film(path, tmp_path / "clips", options)
    (clip,) = (tmp_path / "clips").glob("*.mp4")
    expected = list(range(95, 226))
    assert (facts["first_frame"], facts["last_frame"], facts["frames"]) == (95, 225, 131)
    if options == ",height=32":
        with av.open(str(clip)) as container:
            heights = [each.height for each in container.decode(video=0)]
        assert heights == [32] * 131
        return
    assert [number - shift for number in _numbers(clip)] == expected
    video, read = cv2.VideoCapture(str(clip)), []
    while (image := video.read()[1]) is not None:
        read.append(_number(image) - shift)
    assert read == expected
    assert _number(cv2.imread(str(clip.with_suffix(".jpg")))) - shift == 123


@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="needs Debian's ffmpeg")
def test_a_film_of_the_codec_is_copied_as_it_is(tmp_path: Path) -> None:
    path = _film(tmp_path / "film.mp4", FILMS["b-frames.mp4"])
    _record_film(path, tmp_path / "clips")
    with av.open(str(path)) as film:
        packets = {bytes(packet) for packet in film.demux(video=0) if packet.size}
    with av.open(str(next((tmp_path / "clips").glob("*.mp4")))) as clip:
        copied = [bytes(packet) for packet in clip.demux(video=0) if packet.size]
    assert len(copied) > 131 and set(copied) <= packets


@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="needs Debian's ffmpeg")
def test_a_turned_film_stays_turned(tmp_path: Path) -> None:
    path = _film(tmp_path / "upright.mp4", FILMS["b-frames.mp4"])
    turned = tmp_path / "turned.mp4"
    turn = ["-c", "copy", "-metadata:s:v:0", "rotate=90"]
    command = ["ffmpeg", "-v", "error", "-i", str(path), *turn, str(turned)]
    subprocess.run(command, check=True)
    video = cv2.VideoCapture(str(turned))
    images = [video.read()[1] for _ in range(96)]
    assert images[95].shape[:2] == (160, 64)
    for options in ("", ",codec=mpeg4"):
        _record_film(turned, tmp_path / f"clips{options}", options)
        (clip,) = (tmp_path / f"clips{options}").glob("*.mp4")
        image = cv2.VideoCapture(str(clip)).read()[1]
        assert image.shape == images[95].shape
        assert np.abs(image.astype(int) - images[95]).mean() < 8


@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="needs Debian's ffmpeg")
def test_a_film_that_is_gone_is_one_clear_line(tmp_path: Path) -> None:
    film = Film(str(tmp_path / "gone.mp4"), "h264")
    folder = EventClipFiles(Quota(tmp_path, "*-*", 1 << 30, 1.0))
    sink, begun = FilmClips(film, folder, AlertTimes(ClipTimes())), samples.event(3)
    timed = replace(begun, started=replace(begun.started, time_s=0.1))
    sink.take_event(timed, samples.frame(3))
    end = replace(samples.ended(timed, 9), ended=replace(samples.moment(9), time_s=0.4))
    with pytest.raises(SinkError, match=r"no clip can be cut from .*gone\.mp4: .*No such file"):
        sink.take_event(end, samples.frame(9))
    sink.close()


def test_ffprobe_reads_it(tmp_path: Path) -> None:
    with _sink(tmp_path) as sink:
        _record(sink, 200, begin=80, end=120)
    (path,) = tmp_path.glob("*.mp4")
    command = [
        "ffprobe",
        "-v",
        "error",
        "-count_frames",
        "-select_streams",
        "v:0",
        "-of",
        "csv=p=0",
    ]
    try:
        done = subprocess.run(
            [*command, "-show_entries", "stream=codec_name,nb_read_frames", str(path)],
            capture_output=True, text=True,
        )  # fmt: skip
    except FileNotFoundError:
        pytest.skip("needs Debian's ffmpeg")
    assert done.stdout.strip() == f"h264,{120 + 25 - 30 + 1}" and not done.stderr


def test_what_was_before_the_first_frame_is_not_there(tmp_path: Path) -> None:
    with _sink(tmp_path) as sink:
        _record(sink, 100, begin=10, end=40)
    assert _numbers(next(tmp_path.glob("*.mp4"))) == list(range(66))


def test_the_end_of_the_run_ends_a_clip(tmp_path: Path) -> None:
    with _sink(tmp_path) as sink:
        _record(sink, 100, begin=60, end=None)
    assert _numbers(next(tmp_path.glob("*.mp4"))) == list(range(10, 100))


def test_a_clip_whose_time_passes_in_a_gap_is_written_meanwhile(tmp_path: Path) -> None:
    with _sink(tmp_path) as sink:
        _record(sink, 46, begin=10, end=40)
        sink.show_gap(Gap(0.5, has_ended=False))
        assert list(sink._clips)
        sink.show_gap(Gap(1.0, has_ended=False))
        assert not list(sink._clips)
        wait_for(lambda: any(tmp_path.glob("*.mp4")))  # before the camera is back, or the run ends
        assert _numbers(next(tmp_path.glob("*.mp4"))) == list(range(46))


def test_a_long_event_has_a_clip_of_the_longest_length(tmp_path: Path) -> None:
    with _sink(tmp_path, longest_s=4.0) as sink:
        _record(sink, 300, begin=60, end=None)
    assert _numbers(next(tmp_path.glob("*.mp4"))) == list(range(10, 111))


def test_events_at_the_same_time_have_a_clip_each(tmp_path: Path) -> None:
    with _sink(tmp_path) as sink:
        for number in range(100):
            if number in (60, 70):
                sink.take_event(samples.event(number), _frame(number))
            sink.take(_frame(number), [])
    clips = sorted(map(_numbers, tmp_path.glob("*.mp4")))
    assert clips == [list(range(10, 100)), list(range(20, 100))]


def test_an_alert_says_whether_and_how_long_it_has_a_clip(tmp_path: Path) -> None:
    lengths = {"fall": ClipLength(3.0, 0.0), "fire": False, "wave": ClipLength(after_s=0.5)}
    alerts = [replace(samples.FALL, name=name, clip=clip) for name, clip in lengths.items()]
    run = replace(samples.RECORDING, alerts=tuple(alerts))
    request = sinks.registry().find(f"clips:{tmp_path}:before=1,after=1")
    ((sink,),) = sinks.open_sinks([request], [run])
    begun = [samples.event(100, alert=alert) for alert in (*lengths, "other")]
    for number in range(200):
        for event in begun:
            if number in (100, 120):
                news = event if number == 100 else samples.ended(event, 120)
                sink.take_event(news, _frame(number))
        sink.take(_frame(number), [])
    sink.close()
    clips = {path.stem.split("-")[-1]: _numbers(path) for path in tmp_path.glob("*.mp4")}
    assert {alert: (numbers[0], numbers[-1]) for alert, numbers in clips.items()} == {
        "fall": (25, 120),
        "wave": (75, 132),
        "other": (75, 145),
    }


def test_a_clip_that_is_longer_than_the_longest_is_refused(tmp_path: Path) -> None:
    run = replace(samples.RUN, alerts=(replace(samples.FALL, clip=ClipLength(50.0, 20.0)),))
    request = sinks.registry().find(f"clips:{tmp_path}:longest=60")
    with pytest.raises(SinkError, match="the clip of alert 'fall': the option longest is above"):
        sinks.open_sinks([request], [run])


def test_frames_of_another_size_begin_anew(tmp_path: Path) -> None:
    with _sink(tmp_path) as sink:
        sink.take(_frame(0), [])
        sink.take_event(samples.event(1), _frame(1))
        sink.take(_frame(1), [])
        sink.take(samples.frame(2, 47, 63), [])
        sink.take_event(samples.event(3), samples.frame(3))
        sink.take(samples.frame(3, 47, 63), [])
    sizes = []
    for path in sorted(tmp_path.glob("*.mp4")):
        with av.open(str(path)) as container:
            sizes.append((container.streams.video[0].width, container.streams.video[0].height))
    assert sizes == [(160, 64), (62, 46)]


def _record_events(sink: ClipSink, count: int, length: int, gap: int = 1) -> list[str]:
    """One behind the other, each of so many frames; the names of their clips."""
    names, number = [], 0
    for _ in range(count):
        event = samples.event(number)
        names.append(f"{event.id}-fall")
        sink.take_event(event, _frame(number))
        for _ in range(length):
            sink.take(_noise(number), [])
            number += 1
        sink.take_event(samples.ended(event, number - 1), _frame(number))
        for _ in range(gap):
            sink.take(_noise(number), [])
            number += 1
    return names


def _noise(number: int) -> Frame:
    noise = np.random.default_rng(number).integers(0, 256, (64, 160, 3), np.uint8)
    return Frame(noise, number, number / 25)


def test_the_quota_holds_and_the_oldest_goes_first(tmp_path: Path) -> None:
    with _sink(tmp_path, quota=400_000, before_s=0.0, after_s=0.0) as sink:
        names = _record_events(sink, 12, 10)
    size = sum(path.stat().st_blocks * 512 for path in tmp_path.iterdir())
    assert size <= 400_000
    remaining = sorted({path.stem for path in tmp_path.iterdir()})
    assert remaining == names[-len(remaining) :] and 1 < len(remaining) < 12


def test_a_full_disk_is_noticed_and_the_oldest_goes(tmp_path: Path, tmpfs: Path) -> None:
    with _sink(tmpfs, before_s=0.0, after_s=0.0) as sink:
        _record_events(sink, 40, 20)
    clips = list(tmpfs.glob("*.mp4"))
    assert 1 <= len(clips) < 40
    assert all(len(_numbers(path)) == 20 for path in clips)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("before=99", "before and after are 0 to 60"),
        ("longest=3", "longest is above before"),
        ("codec=h265", "codec is h264, mpeg4, mjpeg"),
        ("quota_mb=0", "a quota is above 0"),
        ("height=1", "height is 16 to 4096"),
    ],
)
def test_bad_options_are_refused(tmp_path: Path, options: str, message: str) -> None:
    request = sinks.registry().find(f"clips:{tmp_path}:{options}")
    with pytest.raises(SinkError, match=message):
        sinks.open_sinks([request], [samples.RUN])


WRITER = """
import sys
from pathlib import Path
from tests.edge.sinks import samples, test_clips
number = 0
while True:
    with test_clips._sink(Path(sys.argv[1]), "mpeg4") as sink:
        for _ in range(6):
            sink.take_event(samples.event(number), test_clips._frame(0))
            sink.take(test_clips._frame(number % 1000), [])
            number += 1
    print(number, flush=True)
"""


def test_a_killed_writer_leaves_no_unreadable_clip(tmp_path: Path) -> None:
    for round_number in range(3):
        child = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, cwd=ROOT
        )
        assert child.stdout
        for _ in range(1 + round_number):
            child.stdout.readline()
        os.kill(child.pid, signal.SIGKILL)
        child.stdout.read()
        child.wait()
    clips = list(tmp_path.glob("*.mp4"))
    assert len(clips) >= 12 and all(map(_numbers, clips))
    assert all(json.loads(path.read_text()) for path in tmp_path.glob("*.json"))


@pytest.mark.parametrize("codec", CODECS)
def test_a_clip_is_as_bright_as_its_frames(tmp_path: Path, codec: str) -> None:
    """16 to 235 or 0 to 255 for black to white: whatever reads it has to know which."""
    with _sink(tmp_path, codec, before_s=0.0, after_s=0.0) as sink:
        event = samples.event(0)
        sink.take_event(event, samples.frame(0))
        levels = np.repeat(np.array([0, 5, 20, 128, 220, 250, 255], np.uint8), 32)
        pixels = np.repeat(np.tile(levels, (64, 1))[:, :, None], 3, axis=2)
        for number in range(5):
            sink.take(Frame(pixels, number, number / 25), [])
    (path,) = tmp_path.glob("*.mp4")
    images = [cv2.VideoCapture(str(path)).read()[1], cv2.imread(str(path.with_suffix(".jpg")))]
    with av.open(str(path)) as container:
        images.append(next(container.decode(video=0)).to_ndarray(format="bgr24"))
    for image in images:
        middles = image[:, 16::32].astype(int)
        assert np.abs(middles - pixels[:, 16::32]).max() <= 6


def _watch_frames(sink: ClipSink) -> list[int]:
    """The numbers of frames as they are sent to be encoded."""
    numbers, call = [], sink._maker.call

    def watched(method: str, *arguments: Any) -> None:
        if method == "add":
            numbers.append(arguments[1].number)
        call(method, *arguments)

    sink._maker.call = watched  # type: ignore[method-assign]
    return numbers


class MakerHere(Closable):
    """A MakerProcess without a process, where only what it is given is looked at."""

    def __init__(self, folder: EventClipFiles, covers_faces: bool) -> None:
        self._maker = ClipMaker(folder, covers_faces)

    def call(self, method: str, *arguments: object) -> None:
        getattr(self._maker, method)(*arguments)

    def close(self) -> None:
        """Nothing is open."""


@settings(max_examples=12, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 40)), min_size=1, max_size=5))
def test_a_frame_is_encoded_once_if_a_clip_shows_it_and_else_never(
    events: list[tuple[int, int]],
) -> None:
    """events: frames from one's beginning to the next one's, and of its length."""
    spans, begin = {}, 20
    for after, length in events:
        begin += after
        spans[samples.event(begin)] = (begin, begin + length)
    with TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(calls, "MakerProcess", MakerHere)
        with _sink(Path(name), "mjpeg", before_s=0.4, after_s=0.2) as sink:
            encoded = _watch_frames(sink)
            for number in range(begin + 60):
                for event, (first, last) in spans.items():
                    if number == first:
                        sink.take_event(event, _frame(number))
                    if number == last:
                        sink.take_event(samples.ended(event, last), _frame(number))
                sink.take(_frame(number), [])
        shown = {event.id: list(range(a - 10, b + 5 + 1)) for event, (a, b) in spans.items()}
        assert encoded == sorted(set().union(*shown.values()))
        for event_id, numbers in shown.items():
            assert _numbers(next(Path(name).glob(f"{event_id}*.mp4"))) == numbers


def test_an_event_that_is_told_late_reaches_back_behind_another(tmp_path: Path) -> None:
    with _sink(tmp_path, before_s=0.4, after_s=0.0) as sink:
        for number in range(120):
            if number in (60, 80):  # the second began 30 frames before it is told
                sink.take_event(samples.event({60: 60, 80: 50}[number]), _frame(number))
            sink.take(_frame(number), [])
    clips = sorted(map(_numbers, tmp_path.glob("*.mp4")))
    assert clips == [list(range(40, 120)), list(range(50, 120))]


def test_clips_that_cannot_be_encoded_in_time_are_cut_short_and_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sink = _sink(tmp_path, before_s=0.4, after_s=0.0)
    sink._calls.close(10)
    frame_bytes = len(JpegEncoder("h264").encode(_frame(0).pixels, 0, 0).data)
    sink._calls = CallThread("clips", waits=False, most_bytes=20 * frame_bytes)
    sink._maker._process = sink._maker._start()
    os.kill(sink._maker._process.pid, signal.SIGSTOP)
    for number in range(60):
        if number in (20, 50):
            sink.take_event(samples.event(number), _frame(number))
        sink.take(_frame(number), [])
    assert sink.counts.dropped_events == 2
    os.kill(sink._maker._process.pid, signal.SIGCONT)
    sink.close()
    (clip,) = map(_numbers, tmp_path.glob("*.mp4"))
    assert clip == list(range(10, clip[-1] + 1)) and 20 < clip[-1] < 40
    assert "clips: frames come faster than they are encoded" in capsys.readouterr().err


def test_a_run_that_waits_loses_nothing(tmp_path: Path) -> None:
    with _sink(tmp_path, before_s=0.4, after_s=0.0) as sink:
        sink._calls.close(10)
        sink._calls = CallThread("clips", waits=True, most_bytes=1)
        _record(sink, 60, begin=20, end=40)
    assert _numbers(next(tmp_path.glob("*.mp4"))) == list(range(10, 41))
    assert sink.counts.dropped_events == 0


def test_a_crash_of_what_encodes_is_told_and_costs_what_it_had(tmp_path: Path) -> None:
    sink = _sink(tmp_path, before_s=0.0, after_s=0.0)
    begun = samples.event(0)
    sink.take_event(begun, _frame(0))
    sink.take(_frame(0), [])
    sink._calls.close(10)  # until that frame is encoded
    process = sink._maker._process
    assert process and os.getpriority(os.PRIO_PROCESS, process.pid) == min(os.nice(0) + 10, 19)
    process.kill()
    process.wait()
    sink._calls = CallThread("clips", waits=True, most_bytes=1)
    sink.take(_frame(1), [])
    with pytest.raises(SinkError, match=r"the process that makes clips ended \(SIGKILL\)"):
        sink.take(_frame(2), [])
        sink.take(_frame(3), [])
    for number in range(4, 8):
        sink.take(_frame(number), [])
    sink.close()
    numbers = _numbers(next(tmp_path.glob("*.mp4")))
    assert numbers in ([3, 4, 5, 6, 7], [2, 4, 5, 6, 7], [2, 3, 4, 5, 6, 7], [4, 5, 6, 7])


def test_what_each_of_several_sources_has_of_its_own_is_called_after_it(tmp_path: Path) -> None:
    runs = [replace(samples.RUN, source=name) for name in ("yard", "gate")]
    kinds = sinks.registry()
    texts = (f"clips:{tmp_path}/clips", f"{tmp_path}/seen.jsonl", f"video:{tmp_path}/seen.avi")
    opened = sinks.open_sinks([kinds.find(text) for text in texts], runs)
    names = {sink.counts.name for of_run in opened for sink in of_run}
    for sink in {sink for of_run in opened for sink in of_run}:
        sink.close()
    assert {name for name in names if name.startswith("clips")} == {
        f"{texts[0]} (yard)", f"{texts[0]} (gate)"
    }  # fmt: skip
    assert len(names) == 5 and f"jsonl:{texts[1]}" in names
