"""What the network was unsure of: why, how much of it, and that training and converting read it."""

import csv
import math
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from edge import sinks
from edge.check.clips import read_clips
from edge.cli import main
from edge.events.alert import Alert
from edge.sinks.keeper.doubts import Doubts, entropy_share
from edge.sinks.keeper.folder import ClipFolder, NewClip, is_same_scene, thumbnail
from edge.sinks.keeper.table import Columns
from edge.sinks.quota import Quota
from edge.stream import Decision, Stream, StreamOptions, TrackInfo
from edge.tasks import Task, UnknownRule, kind_of
from edge_common import ClipError, SinkError, write_whole
from edge_models.datasets.from_files import ClipRequest
from edge_models.datasets.kinds import load_data
from edge_models.datasets.labelled_clips import ClipsSection
from tests import tiny
from tests.edge.sinks import samples
from tests.wheels import ROOT

ACTIONS = ("still", "wave", "fall", "run")
ACTION = Task("action", "classification", ACTIONS)
AGE = Task("age", "regression", unit="years", scale=100.0)


def _decision(
    number: int,
    p: Sequence[float],
    *,
    track: int | None = None,
    name: str | None = None,
    task=ACTION,
) -> Decision:
    scores = np.array(p, np.float32)
    who = None if track is None else TrackInfo(track, (0, 0, 9, 9), name=name)
    images = tuple(tiny.frames(4, 20, 30, seed=number))
    answers = {task.name: kind_of(task).predict(scores)}
    return Decision(
        number, 50 + number / 10, 1.0, {}, answers, track=who, window_pixels=images
    )  # fmt: skip


def _sure(label: int) -> list[float]:
    return [0.97 if each == label else 0.01 for each in range(4)]


def _reasons(doubts: Doubts, decisions: Sequence[Decision], source: str = "yard") -> list[str]:
    return [doubt.reason for decision in decisions for doubt in doubts.of(decision, source)]


def _bytes(folder: Path) -> int:
    return sum(path.lstat().st_blocks * 512 for path in folder.rglob("*"))


def _rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "clips.csv").open() as file:
        return list(csv.DictReader(file))


# why


@given(st.lists(st.floats(1e-6, 1), min_size=2, max_size=9))
def test_entropy_is_a_share_of_the_highest_whatever_the_order(weights: list[float]) -> None:
    p = [weight / sum(weights) for weight in weights]
    share = entropy_share(p)
    assert 0 <= share <= 1 + 1e-9
    assert entropy_share(sorted(p)) == pytest.approx(share)
    assert share <= entropy_share([1 / len(p)] * len(p)) + 1e-9


def test_entropy_is_that_of_the_textbook() -> None:
    assert entropy_share([0.25] * 4) == pytest.approx(1.0)
    assert entropy_share([1.0, 0.0]) == 0.0
    assert entropy_share([0.89, 0.11]) == pytest.approx(0.4999, abs=1e-4)
    assert math.isnan(entropy_share([math.nan, 0.5]))


def test_only_an_unsure_answer_is_doubtful() -> None:
    doubts = Doubts((ACTION,))
    assert not _reasons(doubts, [_decision(0, _sure(1))])
    assert _reasons(doubts, [_decision(1, [0.4, 0.3, 0.2, 0.1])]) == ["action: entropy 0.92"]


def test_an_answer_that_is_no_number_is_no_doubt() -> None:
    nothing = replace(_decision(0, _sure(0)), tasks={"action": _prediction_of_nan()})
    assert not _reasons(Doubts((ACTION,), (samples.FALL,)), [nothing])


def _prediction_of_nan():
    from edge.tasks import predictions

    return predictions((ACTION,), [np.array([np.nan, 0, 0, 1], np.float32)])["action"]


def test_what_the_bundle_refuses_is_doubtful() -> None:
    task = replace(ACTION, unknown=UnknownRule("max-probability", 0.99))
    decision = _decision(0, _sure(2), task=task)
    assert _reasons(Doubts((task,)), [decision]) == ["action: unknown"]
    assert Columns.of((task,)).suggested(decision.tasks)["suggested_action"] == "fall"


def test_near_the_threshold_of_an_alert_is_doubtful() -> None:
    doubts = Doubts((ACTION,), (Alert(task="action", labels=("fall",), above=0.8),))
    near, far = [0.05, 0.05, 0.83, 0.07], [0.02, 0.02, 0.9, 0.06]
    assert _reasons(doubts, [_decision(0, far)]) == []
    assert _reasons(doubts, [_decision(1, near)]) == ["alert action fall: 0.83 is near 0.8"]
    other = Alert(task="action", labels=("fall",), above=0.8, source="door")
    assert not _reasons(Doubts((ACTION,), (other,)), [_decision(2, near)])


def test_near_the_threshold_of_a_number_is_doubtful() -> None:
    doubts = Doubts((AGE,), (Alert(name="minor", task="age", under=18.0),))
    ages = [_decision(n, [age / 100], task=AGE) for n, age in enumerate((16.9, 17.5, 18.8, 40.0))]
    reasons = ["alert minor: 17.5 is near 18", "alert minor: 18.8 is near 18"]
    assert _reasons(doubts, ages) == reasons


def test_a_track_that_flips_there_and_back_is_doubtful() -> None:
    doubts = Doubts((ACTION,))
    once = [_decision(n, _sure(n // 5), track=1) for n in range(10)]
    assert not _reasons(doubts, once)
    back = [_decision(n, _sure(0 if n == 12 else 1), track=1) for n in range(10, 15)]
    reasons = ["action: still, wave, still", "action: wave, still, wave"]
    assert _reasons(doubts, back) == reasons
    others = [_decision(n, _sure(n % 2), track=n) for n in range(20, 30)]
    assert not _reasons(doubts, others)


def test_a_track_that_comes_back_late_has_done_something_else() -> None:
    labels = [(0, 0), (1, 1), (60, 0)]
    decisions = [_decision(number, _sure(label), track=1) for number, label in labels]
    assert not _reasons(Doubts((ACTION,)), decisions)


def test_two_tracks_of_one_person_that_differ_are_doubtful() -> None:
    doubts = Doubts((ACTION,))
    anna = [
        _decision(0, _sure(0), track=1, name="anna"),
        _decision(1, _sure(0), track=2, name="anna"),
    ]
    assert not _reasons(doubts, anna)
    other = _decision(2, _sure(3), track=3, name="anna")
    assert _reasons(doubts, [other]) == ["action: run, and still of another track of one person"]
    assert "anna" not in _reasons(doubts, [other])


def test_who_cannot_be_unsure_is_refused(tmp_path: Path) -> None:
    run = replace(samples.RUN, alerts=(), bundle=sinks.BundleInfo("b", "", (AGE,)))
    with pytest.raises(SinkError, match="no task of this bundle says how sure it is"):
        sinks.open_sinks([sinks.registry().find(f"keeper:{tmp_path}")], [run])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("entropy=2", "entropy is 0 to 1"),
        ("near=0.9", "near 0 to 0.5"),
        ("per_minute=0", "per_minute and similar are above 0"),
        ("leaves=newest", "leaves is surest or oldest"),
        ("quota_mb=0", "a quota is above 0"),
        ("quoat_mb=1", "did you mean 'quota_mb'"),
    ],
)
def test_wrong_options_are_told(tmp_path: Path, options: str, message: str) -> None:
    with pytest.raises(SinkError, match=message):
        sinks.open_sinks([sinks.registry().find(f"keeper:{tmp_path}:{options}")], [samples.RUN])


# the folder


def _folder(
    path: Path, quota: int = 1 << 30, leaves: str = "surest", similar: int = 5
) -> ClipFolder:
    folder = ClipFolder(Quota(path, "*", quota, 1.0), Columns.of((ACTION, AGE)), leaves, similar)
    folder.create()
    folder.open()
    return folder


def _clip(number: int, unsureness: float = 0.5, side: int = 24, frames: int = 4) -> NewClip:
    images = np.random.default_rng(number).integers(0, 256, (frames, side, side, 3), np.uint8)
    images[:, : side // 2] //= 1 + number % 7
    images[:, :, : side // 2] //= 1 + number % 5
    name = f"20261127T0000{number // 1000:02d}_{number % 1000:03d}Z-yard-track{number}"
    cells = {"suggested_action": "fall", "suggested_action_probability": "0.4"}
    return NewClip(name, list(images), cells, unsureness)


@given(
    st.lists(
        st.tuples(st.floats(0, 1), st.integers(8, 64), st.integers(1, 6), st.booleans()),
        min_size=1,
        max_size=14,
    ),
    st.sampled_from(("surest", "oldest")),
)
@settings(max_examples=25, deadline=None)
def test_the_quota_is_never_exceeded_and_labels_stay(
    clips: list[tuple[float, int, int, bool]], leaves: str
) -> None:
    quota, labelled = 160_000, []
    with TemporaryDirectory() as place:
        path = Path(place)
        for number, (unsureness, side, frames, is_labelled) in enumerate(clips):
            folder = _folder(path, quota, leaves, similar=1000)
            before = {row["clip"] for row in _rows(path)}
            new = _clip(number, unsureness, side, frames)
            try:
                is_kept = folder.keep(new)
            except SinkError as error:
                assert "do not fit beside clips that have labels" in str(error)
                is_kept = False
            assert _bytes(path) <= quota
            rows = {row["clip"]: row for row in _rows(path)}
            assert rows.keys() == {each.name for each in path.iterdir() if each.is_dir()}
            assert is_kept == (new.name in rows)
            removed = before - rows.keys()
            assert not removed & set(labelled) and (is_kept or not removed)
            unlabelled = [row for name, row in rows.items() if name not in (*labelled, new.name)]
            if leaves == "oldest" and removed and unlabelled:
                assert max(removed) < min(row["clip"] for row in unlabelled)
            if is_kept and is_labelled:
                _label(path, new.name, "run")
                labelled.append(new.name)


def test_the_surest_leaves_first_and_a_surer_one_does_not_come(tmp_path: Path) -> None:
    folder = _folder(tmp_path, quota=90_000)
    for number, unsureness in enumerate((0.9, 0.2, 0.7, 0.8)):
        assert folder.keep(_clip(number, unsureness))
    rest = [row["kept_unsureness"] for row in _rows(tmp_path)]
    assert rest == ["0.9000", "0.7000", "0.8000"]
    assert not folder.keep(_clip(9, 0.6))
    assert [row["kept_unsureness"] for row in _rows(tmp_path)] == rest


def _label(folder: Path, clip: str, label: str) -> None:
    """As people do it, with an editor."""
    table = folder / "clips.csv"
    lines = table.read_text().splitlines()
    changed = [
        line.replace(f"{clip},?", f"{clip},{label}") if line.startswith(clip) else line
        for line in lines
    ]
    assert changed != lines
    table.write_text("\n".join(changed) + "\n")


def test_what_people_write_into_the_table_stays(tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    for number in range(3):
        folder.keep(_clip(number))
    _label(tmp_path, _clip(1).name, "run")
    table = tmp_path / "clips.csv"
    header, *lines = table.read_text().splitlines()
    table.write_text("\n".join([f"{header},note", *(f"{line},seen" for line in lines)]) + "\n")
    (tmp_path / "mine.mp4").write_bytes(b"")
    folder.keep(_clip(3))
    rows = _rows(tmp_path)
    assert [row["action"] for row in rows] == ["?", "run", "?", "?"]
    assert [row["note"] for row in rows] == ["seen", "seen", "seen", ""]
    assert (tmp_path / "mine.mp4").exists()


def test_a_table_that_is_none_any_more_is_not_overwritten(tmp_path: Path) -> None:
    _folder(tmp_path).keep(_clip(0))
    table = tmp_path / "clips.csv"
    table.write_text(table.read_text().replace(",", ";"))
    with pytest.raises(SinkError, match="does not begin with a column 'clip', separated by commas"):
        _folder(tmp_path)
    assert ";" in table.read_text()


def test_a_clip_that_somebody_deletes_leaves_the_table(tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    for number in range(2):
        folder.keep(_clip(number))
    for path in (tmp_path / _clip(0).name).iterdir():
        path.unlink()
    (tmp_path / _clip(0).name).rmdir()
    folder.keep(_clip(2))
    assert [row["clip"] for row in _rows(tmp_path)] == [_clip(1).name, _clip(2).name]


def test_one_scene_is_kept_a_few_times_and_not_a_thousand(tmp_path: Path) -> None:
    folder, random = _folder(tmp_path, similar=3), np.random.default_rng(0)
    scene = tiny.frames(1, 48, 48, seed=5)[0].astype(np.float32)
    for number in range(20):
        noisy = [np.clip(scene + random.normal(0, 6, scene.shape), 0, 255).astype(np.uint8)] * 4
        folder.keep(replace(_clip(number), frames=noisy))
    assert len(_rows(tmp_path)) == 3
    moved = [np.roll(scene, 16, axis=1).astype(np.uint8)] * 4
    assert folder.keep(replace(_clip(50), frames=moved))


def test_scenes_are_told_apart_by_what_moves() -> None:
    still = np.full((4, 100, 100, 3), 120, np.uint8)
    walked = still.copy()
    walked[2:, 40:80, 40:60] = 30  # 8 % of the frame
    assert is_same_scene(thumbnail(still)[None], thumbnail(still + 4)).all()
    assert not is_same_scene(thumbnail(still)[None], thumbnail(walked)).any()


WRITER = """
import sys
from pathlib import Path
from tests.edge.sinks import test_keeper
folder = test_keeper._folder(Path(sys.argv[1]), 200_000, "oldest", 1000)
for number in range(int(sys.argv[2]), 100_000):
    folder.keep(test_keeper._clip(number, side=32, frames=8))
    print(number, flush=True)
"""


def test_a_killed_writer_leaves_no_unreadable_entry(tmp_path: Path) -> None:
    number = 0
    for round_number in range(4):
        child = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), str(number)],
            stdout=subprocess.PIPE, cwd=ROOT,
        )  # fmt: skip
        assert child.stdout
        for _ in range(3 + 5 * round_number):
            number = int(child.stdout.readline()) + 2
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        clips = [each for each in tmp_path.iterdir() if each.is_dir() and each.name[0] != "."]
        assert len(read_clips(tmp_path, 8, (32, 32))) == len(clips) > 0
        assert {row["clip"] for row in _rows(tmp_path)} <= {each.name for each in clips}
    _folder(tmp_path)
    assert {row["clip"] for row in _rows(tmp_path)} == {each.name for each in clips}
    assert not list(tmp_path.glob(".2*"))


def test_a_full_disk_costs_the_surest_and_is_survived(tmpfs: Path) -> None:
    folder = _folder(tmpfs)
    for number in range(60):
        try:
            folder.keep(_clip(number, number / 100, side=40))
        except SinkError as error:
            assert "cannot be written" in str(error)
    rows = _rows(tmpfs)
    assert 5 < len(rows) < 60 and rows[-1]["clip"] == _clip(59).name
    assert len(read_clips(tmpfs, 4, (40, 40))) == len(rows)


def test_a_disk_that_others_fill_is_reported_and_the_run_goes_on(
    tmpfs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ((sink,),) = sinks.open_sinks(
        [sinks.registry().find(f"keeper:{tmpfs / 'unsure'}")], [samples.RUN]
    )
    others = tmpfs / "others"
    others.write_bytes(bytes(480_000))
    for number in range(300):
        sink.take(samples.frame(number), [_unsure(number)])
    sink.close()
    assert "more do not fit" in capsys.readouterr().err
    assert not _rows(tmpfs / "unsure")


def _unsure(number: int) -> Decision:
    decision = samples.decision(number, 0.5)
    return replace(decision, window_pixels=tuple(tiny.frames(4, 32, 32, seed=number)))


def test_so_many_a_minute_of_each_source(tmp_path: Path) -> None:
    ((sink,),) = sinks.open_sinks(
        [sinks.registry().find(f"keeper:{tmp_path}:per_minute=6")], [samples.RECORDING]
    )
    for number in range(0, 25 * 60, 5):  # a minute
        for source in ("yard", "door"):
            sink.take(samples.frame(number), [replace(_unsure(number), source=source)])
    sink.close()
    rows = _rows(tmp_path)
    assert [row["kept_source"] for row in rows].count("yard") == 6
    assert [row["kept_source"] for row in rows].count("door") == 6


# there and back


@pytest.fixture
def unsure(tmp_path: Path, tiny_bundle_path: Path, image_folder: Path, cli) -> Path:
    folder = tmp_path / "unsure"
    source = f"images:{image_folder}:rate=10"
    arguments = [str(tiny_bundle_path), "--source", source, "--quiet", "--sink"]
    sink = f"keeper:{folder}:per_minute=600,entropy=0.01,similar=99"
    result = cli.invoke(main, [*arguments, sink])
    assert result.exit_code == 0, result.output
    return folder


def test_what_was_kept_is_what_the_network_saw(unsure: Path, tiny_bundle, image_folder) -> None:
    rows, clips = _rows(unsure), read_clips(unsure, tiny.WINDOW, (tiny.SIZE, tiny.SIZE))
    assert len(rows) == len(clips) == 7  # of ten frames
    for row, clip in zip(rows, clips.windows):
        stream = Stream(tiny_bundle, StreamOptions(window_pixels=True))
        decision = [stream.push(np.ascontiguousarray(image[..., ::-1])) for image in clip][-1]
        assert decision is not None
        np.testing.assert_array_equal(np.stack(decision.window_pixels)[..., ::-1], clip)
        kind, size = decision.tasks["kind"], decision.tasks["size"]
        assert row["suggested_kind"] == kind.label and row["suggested_size"] == f"{size.value:.4f}"
        assert row["suggested_kind_probability"] == f"{kind.p:.4f}"
        assert row["kind"] == row["size[]"] == "?" and row["kept_bundle"] == "tiny"


def test_edge_train_reads_what_people_labelled_and_no_suggestion(
    unsure: Path, tmp_path: Path
) -> None:
    request = ClipRequest(tiny.WINDOW, tiny.SIZE, 0, tmp_path / "cache")
    section = ClipsSection(
        path=str(unsure), table="clips.csv", validation_share=0.2, test_share=0.2
    )
    with pytest.raises(ClipError, match=r"kind is \?: nobody has labelled it"):
        load_data(section, request)
    names = [row["clip"] for row in _rows(unsure)]
    for number, name in enumerate(names[:6]):
        _label(unsure, name, "abc"[number % 2])
    data = load_data(replace(section, tasks=["kind"]), request)
    assert [(task.name, task.labels) for task in data.tasks] == [("kind", ("a", "b"))]
    assert sum(len(each) for each in (data.train, data.validation, data.test)) == 6
    suggested = load_data(
        replace(section, tasks=["suggested_size"], kinds={"suggested_size": "regression"}), request
    )
    assert [task.name for task in suggested.tasks] == ["suggested_size"]


def test_edge_convert_calibrates_with_it(
    unsure: Path, tiny_model_path: Path, tmp_path: Path
) -> None:
    from edge_convert.pipeline import Conversion
    from edge_convert.request import ConversionRequest

    request = ConversionRequest(
        tiny_model_path, tmp_path / "new.edge", unsure, encoder_precision="int8",
        head_precision="float32", gate=False,
    )  # fmt: skip
    bundle = Conversion(request).run()
    assert (tmp_path / "new.edge").is_file()
    assert bundle is not None


def test_it_is_off_unless_asked_for(tiny_bundle) -> None:
    decisions = [Stream(tiny_bundle).push(image) for image in tiny.frames(4)]
    stream = Stream(tiny_bundle)
    decisions = [stream.push(image) for image in tiny.frames(4)]
    assert decisions[-1] is not None and decisions[-1].window_pixels == ()


def test_a_settings_file_asks_for_it(
    tmp_path: Path, tiny_bundle_path: Path, video_path, cli
) -> None:
    pytest.importorskip("msgspec", reason="needs the extra config")
    run = tmp_path / "run.toml"
    write_whole(
        run,
        f'bundle = "{tiny_bundle_path}"\nsource = ["{video_path}"]\nkeep = "{tmp_path / "a"}"\n'
        f'[[output]]\nkind = "keeper"\ntarget = "{tmp_path / "b"}"\nper_minute = 60\n'.encode(),
    )
    result = cli.invoke(main, ["--config", str(run), "--check"])
    assert result.exit_code == 0
    assert f"output: keeper:{tmp_path / 'a'}" in result.output
    assert f"output: keeper:{tmp_path / 'b'}" in result.output
    assert not (tmp_path / "a").exists()
