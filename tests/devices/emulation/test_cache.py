"""Folders that are whole or not there."""

import os
import threading
import time
from pathlib import Path

import pytest

from edge_common.errors import BuildFailed
from edge_devices.emulation.cache import arm_folder, kept, key


def write(folder: Path) -> None:
    (folder / "whole").write_text("yes")


def never(folder: Path) -> None:
    raise AssertionError("built again")


def test_it_is_built_once(cache: Path, said: list[str]) -> None:
    assert kept("thing", write, "building the thing", said.append) == cache / "thing"
    assert kept("thing", never, "building the thing", said.append) == cache / "thing"
    assert (cache / "thing" / "whole").read_text() == "yes"
    assert said == ["building the thing"]


def test_a_failed_build_leaves_no_folder_and_is_made_anew(cache: Path, said: list[str]) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise BuildFailed("no network")

    with pytest.raises(BuildFailed, match="no network"):
        kept("thing", fail, "", said.append)
    assert not (cache / "thing").exists()
    kept("thing", write, "", said.append)
    assert [path.name for path in (cache / "thing").iterdir()] == ["whole"]


def test_what_a_killed_build_left_is_removed(cache: Path, said: list[str]) -> None:
    (cache / "thing.part" / "deep").mkdir(parents=True)
    (cache / "another.part-apt").mkdir()
    kept("thing", write, "", said.append)
    assert sorted(path.name for path in cache.iterdir()) == [".lock", "thing"]


def test_what_was_whole_before_is_kept(cache: Path, said: list[str]) -> None:
    kept("first", write, "first", said.append)
    with pytest.raises(BuildFailed):
        kept("second", lambda folder: (folder / "no" / "file").touch(), "second", said.append)
    kept("first", never, "first", said.append)
    assert said == ["first", "second"]


def test_what_was_not_used_for_a_month_goes_when_something_is_built(
    cache: Path, said: list[str]
) -> None:
    for name in ("unused", "used"):
        kept(name, write, "", said.append)
    for name in ("unused", "used"):
        os.utime(cache / name, (0, time.time() - 31 * 86400))
    kept("used", never, "", said.append)
    assert (cache / "unused").is_dir()
    kept("new", write, "", said.append)
    assert sorted(path.name for path in cache.iterdir()) == [".lock", "new", "used"]


def test_a_second_builder_waits_for_the_first(cache: Path) -> None:
    waits, built = threading.Event(), []

    def build(folder: Path) -> None:
        assert waits.wait(60)
        built.append(folder)

    begun = threading.Event()
    slow = threading.Thread(
        target=kept, args=("thing", build, "", lambda step: waits.set() if step else None)
    )
    first = threading.Thread(target=kept, args=("thing", build, "", lambda step: begun.set()))
    first.start()
    assert begun.wait(60)
    slow.start()
    first.join(60)
    slow.join(60)
    assert built == [cache / "thing.part"] and (cache / "thing").is_dir()


def test_a_place_that_cannot_be_written_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(BuildFailed, match="give a folder that can be written in XDG_CACHE_HOME"):
        kept("thing", write, "", said.append)


def test_it_lies_in_the_users_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "not/absolute")
    monkeypatch.setenv("HOME", "/home/someone")
    assert arm_folder() == Path("/home/someone/.cache/edge-run/arm")


def test_a_key_tells_what_it_is_made_from() -> None:
    assert key("numpy==1", "click") == key("numpy==1", "click")
    assert len({key("a", "b"), key("b", "a"), key("a"), key("a\nb", "c")}) == 4
