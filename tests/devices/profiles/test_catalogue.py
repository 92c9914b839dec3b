import os
from pathlib import Path

import pytest

from edge_common.errors import DeviceError
from edge_devices.profiles.catalogue import profile_named, profiles, read_catalogue, user_folder
from tests.devices.profiles.own_profiles import OwnProfiles


def test_a_board_is_added_by_a_file(own: OwnProfiles) -> None:
    path = own.add("rock-5b", title="Radxa ROCK 5B")
    assert profile_named("rock-5b").title == "Radxa ROCK 5B"
    assert read_catalogue().own == {"rock-5b": path} and read_catalogue().broken == ()


def test_a_file_of_the_user_s_wins(own: OwnProfiles) -> None:
    own.add("pi-4", title="My Pi")
    assert profiles()["pi-4"].title == "My Pi"


def test_a_broken_file_is_left_out_and_named(own: OwnProfiles) -> None:
    path = own.write("rock-5b", "schema = 1")
    known = read_catalogue()
    assert "rock-5b" not in known.profiles and len(known.profiles) == 10
    assert [each.path for each in known.broken] == [path]
    assert known.broken[0].reason == f"{path}: key 'name' is missing"


def test_a_broken_file_leaves_the_shipped_one_of_its_name(own: OwnProfiles) -> None:
    own.write("pi-4", "\0")
    assert profile_named("pi-4").title == "Raspberry Pi 4 Model B"


def test_a_folder_that_may_not_be_listed_is_named(
    own: OwnProfiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As root sees no refusal, the listing refuses by itself."""
    listdir = os.listdir

    def refuse(folder: Path) -> list[str]:
        if folder == own.folder:
            raise PermissionError(13, "Permission denied", str(folder))
        return listdir(folder)

    monkeypatch.setattr(os, "listdir", refuse)
    known = read_catalogue()
    assert len(known.profiles) == 10
    assert known.broken[0].reason == f"{own.folder}: cannot be read: Permission denied"


def test_a_file_in_the_place_of_the_folder(own: OwnProfiles) -> None:
    own.folder.parent.mkdir(parents=True)
    own.folder.write_text("")
    assert read_catalogue().broken == ()


def test_a_broken_board_asked_for_by_name_says_why(own: OwnProfiles) -> None:
    own.write("rock-5b", "schema = 1")
    with pytest.raises(DeviceError, match="rock-5b.toml: key 'name' is missing"):
        profile_named("rock-5b")


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("pi4", "did you mean 'pi-4'?"),
        ("nano", "did you mean 'jetson-nano' or 'jetson-orin-nano'?"),
        ("pi-zero-2-w", "did you mean 'pi-zero-2w'?"),
        ("", "the board's name is empty"),
        ("xyz", "no board is called 'xyz' (`edge-devices list` shows all"),
    ],
)
def test_an_unknown_name_gets_the_nearest(own: OwnProfiles, name: str, nearest: str) -> None:
    with pytest.raises(DeviceError) as error:
        profile_named(name)
    assert nearest in str(error.value) and str(own.folder) in str(error.value)


def test_the_folder_follows_the_desktop_s_rule(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for setting in ("", "not/absolute"):
        monkeypatch.setenv("XDG_CONFIG_HOME", setting)
        assert user_folder() == tmp_path / ".config/edge/devices"
    monkeypatch.setenv("XDG_CONFIG_HOME", "/elsewhere")
    assert user_folder() == Path("/elsewhere/edge/devices")
