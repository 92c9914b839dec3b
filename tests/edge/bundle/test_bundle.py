import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.bundle import MANIFEST, Bundle, open_bundle, write_bundle
from edge_common.errors import BundleError


def _rezip(path: Path, target: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return target


def _edit_manifest(**changes: object) -> Callable[[dict[str, bytes]], None]:
    def change(members: dict[str, bytes]) -> None:
        members[MANIFEST] = json.dumps({**json.loads(members[MANIFEST]), **changes}).encode()

    return change


def _flip_a_byte(members: dict[str, bytes]) -> None:
    data = bytearray(members["encoder.tflite"])
    data[len(data) // 2] ^= 1
    members["encoder.tflite"] = bytes(data)


def _append_a_byte(members: dict[str, bytes]) -> None:
    members["encoder.tflite"] += b"x"


def test_a_bundle_round_trips(tiny_bundle: Bundle, tmp_path: Path) -> None:
    copy = write_bundle(tmp_path / "copy.edge", tiny_bundle.manifest, tiny_bundle.members)
    reread = open_bundle(tmp_path / "copy.edge")
    assert dict(copy.members) == dict(reread.members)
    assert copy.path == reread.path == tmp_path / "copy.edge"
    assert reread.manifest == copy.manifest == tiny_bundle.manifest
    assert dict(reread.members) == dict(tiny_bundle.members)
    assert reread.sha256 == tiny_bundle.sha256


def test_equal_contents_give_equal_files(tiny_bundle: Bundle, tmp_path: Path) -> None:
    for name in ("a.edge", "b.edge"):
        write_bundle(tmp_path / name, tiny_bundle.manifest, tiny_bundle.members)
    assert (tmp_path / "a.edge").read_bytes() == (tmp_path / "b.edge").read_bytes()


@pytest.mark.parametrize("name", ["faces-in-motion", "face"])
def test_a_shipped_bundle_written_again_is_the_same_file(name: str, tmp_path: Path) -> None:
    """Whoever wrote it and whenever: the manifest's layout and the members' dates are fixed."""
    shipped = open_bundle(name)
    write_bundle(tmp_path / "again.edge", shipped.manifest, shipped.members)
    assert shipped.path
    assert (tmp_path / "again.edge").read_bytes() == shipped.path.read_bytes()


def test_a_manifest_that_names_a_part_without_its_member_is_refused(
    tiny_bundle: Bundle, tmp_path: Path
) -> None:
    others = {n: data for n, data in tiny_bundle.members.items() if n != "head.tflite"}
    write_bundle(tmp_path / "half.edge", tiny_bundle.manifest, others)
    with pytest.raises(BundleError, match="head.tflite"):
        open_bundle(tmp_path / "half.edge")


def test_a_folder_that_is_missing_is_named(tiny_bundle: Bundle, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="cannot be written: No such file or directory"):
        write_bundle(tmp_path / "no" / "x.edge", tiny_bundle.manifest, tiny_bundle.members)


def test_members_are_stored_not_compressed(tiny_bundle_path: Path) -> None:
    with zipfile.ZipFile(tiny_bundle_path) as archive:
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
        others = {"golden.npz", "reference.json", "report.md"}
        names = {"manifest.json", "encoder.tflite", "head.tflite", *others}
        assert set(archive.namelist()) == names


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_flip_a_byte, "encoder.tflite was changed"),
        (_append_a_byte, "another size"),
        (lambda m: m.pop("head.tflite"), "lacks its member head.tflite"),
        (lambda m: m.pop(MANIFEST), "holds no manifest.json"),
        (_edit_manifest(schema=99), "manifest version 99"),
        (_edit_manifest(window="four"), "'window' should be a whole number"),
        (_edit_manifest(streaming="magic"), "does not fit together"),
        (lambda m: m.update({MANIFEST: b"{"}), "not valid"),
        (_edit_manifest(window=5), "the shape of feature"),
        (_edit_manifest(input={"height": 16, "width": 32}), "the input's shape"),
        (_edit_manifest(tasks=[{"name": "other", "kind": "embedding"}]), "tasks .'other'."),
    ],
)
def test_a_damaged_bundle_is_refused(
    tiny_bundle_path: Path, tmp_path: Path, change: Callable, message: str
) -> None:
    damaged = _rezip(tiny_bundle_path, tmp_path / "damaged.edge", change)
    with pytest.raises(BundleError, match=message):
        open_bundle(damaged)


@pytest.mark.parametrize("lost", [1, 2000, 20_000])
def test_a_truncated_zip_is_refused(tiny_bundle_path: Path, tmp_path: Path, lost: int) -> None:
    cut = tmp_path / "cut.edge"
    cut.write_bytes(tiny_bundle_path.read_bytes()[:-lost])
    with pytest.raises(BundleError, match="cut short|damaged"):
        open_bundle(cut)


def test_another_file_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "notes.edge"
    other.write_text("not a zip")
    with pytest.raises(BundleError, match="is no bundle"):
        open_bundle(other)


def test_a_part_that_is_no_flatbuffer_is_refused(tiny_bundle: Bundle, tmp_path: Path) -> None:
    members = {**tiny_bundle.members, "head.tflite": b"\0" * 100}
    write_bundle(tmp_path / "bad.edge", tiny_bundle.manifest, members)
    with pytest.raises(BundleError, match="head.tflite is missing or is no TFLite"):
        open_bundle(tmp_path / "bad.edge")


def test_a_missing_bundle_names_the_shipped_ones() -> None:
    with pytest.raises(BundleError, match="no bundle 'nowhere'.*shipped name"):
        open_bundle("nowhere")


def test_nothing_is_left_where_a_bundle_cannot_be_written(
    tiny_bundle: Bundle, tmp_path: Path
) -> None:
    folder = tmp_path / "taken.edge"
    folder.mkdir()
    with pytest.raises(BundleError, match="cannot be written"):
        write_bundle(folder, tiny_bundle.manifest, tiny_bundle.members)
    assert [path.name for path in tmp_path.iterdir()] == ["taken.edge"]


def test_a_bundle_holds_no_pickles(tiny_bundle: Bundle) -> None:
    with zipfile.ZipFile(io.BytesIO(tiny_bundle.members["golden.npz"])) as archive:
        assert all(b"O'" not in archive.read(name)[:128] for name in archive.namelist())
