"""Two folders and two links: whatever step a power cut comes at, a start finds the old or the new bundle."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from edge.updates import changes
from edge.updates.changes import BROUGHT_BACK, KEPT, PROBATION, REFUSED, SHADOW, UpdateChange
from edge.updates.slots import GOOD, TRIAL, Slots, file_sha256, folder_for
from edge_common import BundleError, ConfigError
from tests.edge.updates.kills import killed_at

OLD, NEW, OTHER = b"old" * 400, b"new" * 500, b"other" * 300
MOST_STEPS = 80


class Disk:
    """A settings file's bundle, new ones, and slots; all of it below one folder."""

    def __init__(self, folder: Path) -> None:
        self.settings_file, self.new = folder / "door.edge", folder / "sent" / "door.edge"
        self.new.parent.mkdir(parents=True)
        self.settings_file.write_bytes(OLD)
        self.new.write_bytes(NEW)
        self.new.with_name("door.edge.minisig").write_text("signature of new")
        self.slots = Slots(folder / "updates")

    def stage(self, path: Path | None = None) -> object:
        base = file_sha256(self.settings_file)
        return self.slots.stage(path or self.new, base)

    def adopt(self) -> None:
        self.slots.keep(self.slots.stage(self.settings_file, file_sha256(self.settings_file)))

    def update(self) -> None:
        slot = self.slots.stage(self.new, file_sha256(self.settings_file))
        self.slots.begin_trial(slot)
        self.slots.keep(slot)

    def give_up(self) -> None:
        self.slots.begin_trial(self.slots.stage(self.new, file_sha256(self.settings_file)))
        self.slots.end_trial()

    def started(self) -> bytes:
        """What a start runs; a second one runs the same."""
        self.slots.recover()
        found = [self._running(), self._running()]
        assert found[0] == found[1] and self.slots.trial is None
        return found[0]

    def _running(self) -> bytes:
        slot = self.slots.to_run(self.settings_file)
        path = slot.path if slot else self.settings_file
        if slot and path.read_bytes() == NEW:
            assert path.with_name("door.edge.minisig").read_text() == "signature of new"
        return path.read_bytes()


@pytest.mark.parametrize("has_good", [False, True])
@pytest.mark.parametrize("work", [Disk.update, Disk.give_up, Disk.stage, Disk.adopt])
def test_a_start_finds_the_old_or_the_new_one_whenever_it_was_killed(
    work: Callable[[Disk], object], has_good: bool, tmp_path: Path
) -> None:
    """Never none, never half of one; and the next update finds its way."""
    runs = list[bytes]()
    for step in range(1, MOST_STEPS):
        disk = Disk(tmp_path / f"{step}")
        if has_good:
            disk.adopt()
        is_killed = killed_at(step, lambda disk=disk: work(disk))
        runs.append(disk.started())
        disk.update()
        assert disk.started() == NEW
        if not is_killed:
            break
    assert 8 < step < MOST_STEPS - 1  # there were steps, and an end
    may_be_new = work is Disk.update
    assert runs[-1] == (NEW if may_be_new else OLD)
    switched = runs.index(NEW) if NEW in runs else len(runs)
    assert runs == [OLD] * switched + [NEW] * (len(runs) - switched)  # once, and for good


def test_each_file_is_on_disk_before_a_link_points_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a power cut may reorder is fenced by fsync: of files, then of folders, then of the link."""
    disk, calls = Disk(tmp_path), list[tuple[str, str]]()
    fsync, replace = os.fsync, os.replace

    def name_of(handle: int) -> str:
        return os.path.basename(os.readlink(f"/proc/self/fd/{handle}"))

    monkeypatch.setattr(
        os, "fsync", lambda handle: (calls.append(("fsync", name_of(handle))), fsync(handle))
    )
    monkeypatch.setattr(
        os,
        "replace",
        lambda source, target: (
            calls.append(("replace", os.path.basename(target))),
            replace(source, target),
        ),
    )
    disk.update()
    written = [
        each
        for each in calls
        if not each[1].startswith(".door") and not each[1].startswith(".bundle")
    ]
    kinds = [kind for kind, _ in calls]
    for place, (kind, name) in enumerate(calls):
        if kind == "replace" and name not in (GOOD, TRIAL):
            assert kinds[place - 1] == "fsync" and calls[place + 1] == ("fsync", "a")
    assert [each for each in written if each[1] in (GOOD, TRIAL, "updates")] == [
        ("fsync", "updates"),
        ("replace", TRIAL),
        ("fsync", "updates"),
        ("replace", GOOD),
        ("fsync", "updates"),
        ("fsync", "updates"),  # the trial is over
    ]


def test_the_settings_hold_again_once_they_name_another_file(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    disk.update()
    assert disk.started() == NEW
    disk.settings_file.unlink()
    assert disk.slots.to_run(disk.settings_file) is not None  # what is gone is no other wish
    disk.settings_file.write_bytes(OTHER)
    assert disk.started() == OTHER
    refused = hashlib.sha256(OTHER).hexdigest()
    slot = disk.slots.to_run(disk.settings_file, refused)  # but not what failed before
    assert slot is not None and slot.path.read_bytes() == NEW


@pytest.mark.parametrize("damage", ["file", "record", "nothing", "elsewhere"])
def test_a_damaged_slot_is_not_run(damage: str, tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    disk.update()
    slot = disk.slots.good
    assert slot is not None and not disk.slots.damage
    if damage == "file":
        slot.path.write_bytes(NEW[:-1])
    if damage == "record":
        (slot.folder / "bundle.json").write_text('{"file": "../../sent/door.edge"}')
    if damage == "nothing":
        slot.path.unlink()
    if damage == "elsewhere":
        (disk.slots.folder / GOOD).unlink()
        (disk.slots.folder / GOOD).symlink_to("/etc")
    assert disk.started() == OLD
    assert bool(disk.slots.damage) == (damage != "elsewhere")
    disk.update()
    assert disk.started() == NEW


def test_a_copy_has_to_be_what_was_sent(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    with pytest.raises(BundleError, match="changed or cut while it was copied: give it again"):
        disk.slots.stage(disk.new, "", hashlib.sha256(OLD).hexdigest())
    with pytest.raises(BundleError, match="cannot be read: No such file"):
        disk.slots.stage(tmp_path / "none.edge", "")
    assert disk.started() == OLD


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    disk.slots.folder.write_text("a file is in the way")
    with pytest.raises(
        ConfigError, match=r"updates cannot be written \(.*\): see to rights and space"
    ):
        disk.update()
    assert disk.slots.to_run(disk.settings_file) is None


@settings(deadline=None, max_examples=25)
@given(st.lists(st.sampled_from(["update", "give_up", "adopt", "recover"]), max_size=8))
def test_one_is_good_and_none_on_trial_whatever_came_before(
    tmp_path_factory: pytest.TempPathFactory, words: list[str]
) -> None:
    disk = Disk(tmp_path_factory.mktemp("disk"))
    expected = OLD
    for word in words:
        getattr(disk if word != "recover" else disk.slots, word)()
        expected = {"update": NEW, "adopt": OLD}.get(word, expected)
        assert disk.started() == expected


def test_a_settings_file_has_a_folder_of_its_own(tmp_path: Path) -> None:
    one, other = tmp_path / "a" / "run.toml", tmp_path / "b" / "run.toml"
    assert folder_for(one, tmp_path) != folder_for(other, tmp_path)
    assert folder_for(one, tmp_path).parent == tmp_path / "updates"
    (tmp_path / "link.toml").symlink_to(one)
    assert folder_for(tmp_path / "link.toml", tmp_path) == folder_for(one, tmp_path)


@pytest.mark.parametrize(
    ("state", "sha256", "expected"),
    [
        (SHADOW, "new", REFUSED),
        (PROBATION, "new", BROUGHT_BACK),
        (PROBATION, "good", KEPT),  # killed between the link and the word of it
        (KEPT, "good", None),
        (REFUSED, "new", None),
        (SHADOW, "", REFUSED),
    ],
)
def test_what_a_start_makes_of_an_update_in_the_middle(
    state: str, sha256: str, expected: str | None, tmp_path: Path
) -> None:
    changes.write_status(tmp_path, UpdateChange(state, "1", "door.edge", sha256))
    after = changes.after_restart(changes.read_status(tmp_path), "good")
    assert (after and after.state) == expected
    if expected in (REFUSED, BROUGHT_BACK):
        assert after and after.reason.startswith("the run ended meanwhile")


def test_a_status_that_is_none_says_nothing(tmp_path: Path) -> None:
    assert changes.read_status(tmp_path) is None
    (tmp_path / "status.json").write_text('{"state": 1}')
    assert changes.read_status(tmp_path) is None
    assert changes.after_restart(None, "") is None
