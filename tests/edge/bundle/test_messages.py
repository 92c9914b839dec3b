"""What a user reads of a bundle that cannot be used, word for word."""

import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from edge.bundle import MANIFEST, Bundle, open_bundle, write_bundle
from edge_common.errors import BundleError

LARGEST_MANIFEST_BYTES = 4 * 1024 * 1024
FACES = open_bundle("faces-in-motion")


def rezip(path: Path, change: Callable[[dict[str, bytes]], object]) -> Path:
    members = dict(FACES.members)
    assert FACES.path
    with zipfile.ZipFile(FACES.path) as archive:
        members[MANIFEST] = archive.read(MANIFEST)
    change(members)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def with_manifest(content: bytes) -> Callable[[dict[str, bytes]], None]:
    return lambda members: members.update({MANIFEST: content})


def message_of(path: Path) -> str:
    with pytest.raises(BundleError) as error:
        open_bundle(path)
    return str(error.value)


@pytest.mark.parametrize("suffix", ["keras", "h5", "onnx", "pt2"])
def test_a_network_is_not_yet_a_bundle(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"net.{suffix}"
    path.write_bytes(b"")
    assert message_of(path) == (f"{path} is a network: make a bundle of it with edge-convert first")


def test_no_zip(tmp_path: Path) -> None:
    path = tmp_path / "notes.edge"
    path.write_text("not a zip")
    assert message_of(path) == (
        f"{path} is damaged or is no bundle (File is not a zip file): "
        "make it again with edge-convert, or copy it again"
    )


def test_a_folder(tmp_path: Path) -> None:
    assert message_of(tmp_path) == f"{tmp_path} cannot be read: Is a directory"


def test_an_error_of_the_system_without_words_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.edge"
    path.write_bytes(b"PK\5\6" + bytes(18))

    def refuse(*_: object) -> None:
        raise OSError("the disk is asleep")

    monkeypatch.setattr(zipfile, "ZipFile", refuse)
    assert message_of(path) == f"{path} cannot be read: the disk is asleep"
    with pytest.raises(BundleError) as error:
        write_bundle(path, FACES.manifest, FACES.members)
    assert str(error.value) == f"{path} cannot be written: the disk is asleep"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda members: members.pop(MANIFEST),
            "{} is no bundle or was cut short: it holds no manifest.json; copy it again",
        ),
        (
            with_manifest(b" " * (LARGEST_MANIFEST_BYTES + 1)),
            "{}: manifest.json is larger than any real one; refused",
        ),
        (
            with_manifest(b'{"schema": 99}'),
            "{} has manifest version 99, this edge-run reads 1 to 13: "
            "convert the model again, or use the release that wrote it",
        ),
        (
            with_manifest(b"[]"),
            "{} has manifest version None, this edge-run reads 1 to 13: "
            "convert the model again, or use the release that wrote it",
        ),
        (
            with_manifest(b"[1, 2"),
            "{}: manifest.json is not valid (Expecting ',' delimiter: line 1 column 6 (char 5)): "
            "make it again",
        ),
        (
            lambda members: members.pop("head.tflite"),
            "{} lacks its member head.tflite: copy or make it again",
        ),
        (
            lambda members: members.update({"head.tflite": b"short"}),
            "{}: head.tflite has another size than the manifest says",
        ),
        (
            lambda members: members.update({"report.md": members["report.md"][:-1] + b"?"}),
            "{}: report.md was changed after the bundle was made (hash differs)",
        ),
    ],
)
def test_a_member_is_not_as_it_should_be(
    tmp_path: Path, change: Callable[[dict[str, bytes]], object], message: str
) -> None:
    path = rezip(tmp_path / "x.edge", change)
    assert message_of(path) == message.format(path)


def test_a_manifest_may_be_as_large_as_the_largest(tmp_path: Path) -> None:
    def pad(members: dict[str, bytes]) -> None:
        members[MANIFEST] = members[MANIFEST].ljust(LARGEST_MANIFEST_BYTES)

    assert open_bundle(rezip(tmp_path / "x.edge", pad)).manifest == FACES.manifest


@pytest.mark.parametrize("members", [{}, {"head.tflite": b"\0\0\0\0TFL2"}])
def test_a_part_that_is_no_flatbuffer(tmp_path: Path, members: dict[str, bytes]) -> None:
    path = tmp_path / "x.edge"
    encoder = {"encoder.tflite": FACES.members["encoder.tflite"]}
    write_bundle(path, FACES.manifest, {**encoder, **members})
    assert message_of(path) == f"{path}: head.tflite is missing or is no TFLite flatbuffer"


def test_the_size_of_a_bundle_is_its_file_s_or_its_members(tmp_path: Path) -> None:
    members = {"encoder.tflite": b"abc", "head.tflite": b"defgh"}
    assert Bundle(FACES.manifest, members).size_bytes == 8
    path = tmp_path / "x.edge"
    path.write_bytes(b"0123456789")
    assert Bundle(FACES.manifest, members, path).size_bytes == 10


def test_golden_frames_are_read_if_there_are_any() -> None:
    assert Bundle(FACES.manifest, {}).golden == {}
    assert sorted(FACES.golden) == ["action", "frames", "reid"]


def test_the_hash_is_that_of_the_manifest_as_it_stands_in_the_file(tmp_path: Path) -> None:
    assert FACES.path
    with zipfile.ZipFile(FACES.path) as archive:
        stored = archive.read(MANIFEST)
    assert stored == (json.dumps(json.loads(stored), indent=1, sort_keys=True) + "\n").encode()
    other = Bundle(replace(FACES.manifest, version="2"), FACES.members)
    assert len(FACES.sha256) == 64 and other.sha256 != FACES.sha256
