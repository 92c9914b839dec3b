"""Recordings at URLs: what their plugins raise, and how what is wrong with them is called."""

import sys
import types

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from edge_common import SourceError
from edge_fleet.batch import recordings


def test_what_is_wrong_with_a_copy_is_told_of_its_url() -> None:
    fsspec.filesystem("memory").pipe("/films/broken.mp4", b"no film")
    (recording,) = recordings.find(["memory://films/*.mp4"])
    told = r"^memory:///films/broken\.mp4 holds no readable frame$"
    with pytest.raises(SourceError, match=told), recording.local_file() as path:
        raise SourceError(f"{path} holds no readable frame")


@pytest.mark.parametrize(("module", "name"), recordings._PLUGIN_ERRORS.items())
def test_what_a_plugin_raises_is_one_line(
    monkeypatch: pytest.MonkeyPatch, module: str, name: str
) -> None:
    """Such as botocore's errors, which are no OSError. The plugin is played by one of a test."""
    kind = type(name, (Exception,), {})

    class Away(MemoryFileSystem):
        protocol = "away"

        def info(self, path: str, **options: object) -> None:
            raise kind("no credentials")

    loaded = types.ModuleType(module)
    setattr(loaded, name, kind)
    monkeypatch.setitem(sys.modules, module, loaded)
    fsspec.register_implementation("away", Away, clobber=True)
    with pytest.raises(SourceError, match=r"^away://films cannot be read \(no credentials\)"):
        recordings.find(["away://films"])
