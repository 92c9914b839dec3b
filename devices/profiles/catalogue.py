"""All boards that are known by name: the shipped profiles and the user's own."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from edge_common import DeviceError, config_folder, nearest
from edge_devices.profiles.profile import Profile, read_profile


@dataclass(frozen=True)
class Broken:
    """A file of the user's that is no profile, or their folder.  reason: one line that names it."""

    path: Path
    reason: str


@dataclass(frozen=True)
class Catalogue:
    """profiles: by name.  own: names whose profile is the user's file.  broken: what was left out."""

    profiles: dict[str, Profile]
    own: dict[str, Path]
    broken: tuple[Broken, ...]


def user_folder() -> Path:
    """Where a user's own profiles lie."""
    return config_folder("devices")


def read_catalogue() -> Catalogue:
    """Read all profiles; a user's file wins over a shipped one of its name, a broken one is left out."""
    by_name = {profile.name: profile for profile in shipped_profiles()}
    own: dict[str, Path] = {}
    broken: list[Broken] = []
    try:
        files = _profile_files(user_folder())
    except PermissionError as error:
        files = []
        broken.append(Broken(user_folder(), f"{user_folder()}: cannot be read: {error.strerror}"))
    for path in files:
        try:
            by_name[path.stem] = read_profile(path)
            own[path.stem] = path
        except DeviceError as error:
            broken.append(Broken(path, " ".join(str(error).split())))
    return Catalogue(by_name, own, tuple(broken))


def shipped_profiles() -> tuple[Profile, ...]:
    """Those that come with the project, whatever a user has put over them."""
    folder = Path(str(resources.files("edge_devices").joinpath("profiles")))
    return tuple(map(read_profile, _profile_files(folder)))


def profiles() -> dict[str, Profile]:
    """Every usable profile by name."""
    return read_catalogue().profiles


def profile_named(name: str) -> Profile:
    """One board's profile; raise DeviceError with the nearest names, or what is wrong in its file."""
    boards = read_catalogue()
    if not name:
        raise DeviceError(
            "the board's name is empty: `edge-devices list` shows all, "
            f"your own are in {user_folder()}"
        )
    if name in boards.profiles:
        return boards.profiles[name]
    for each in boards.broken:
        if each.path.stem == name:
            raise DeviceError(each.reason)
    raise DeviceError(
        f"no board is called '{name}'{_like(name, boards.profiles)}"
        f" (`edge-devices list` shows all; add one as {user_folder() / name}.toml)"
    )


def _like(name: str, names: Iterable[str]) -> str:
    """The names that hold this one, or else the nearest: `; did you mean 'jetson-nano'?`"""
    holding = [f"'{each}'" for each in names if name and name in each]
    return f"; did you mean {' or '.join(holding)}?" if holding else nearest(name, names)


def _profile_files(folder: Path) -> list[Path]:
    """The profiles in a folder, sorted; raises PermissionError if it may not be listed."""
    try:
        names = os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [folder / name for name in sorted(names) if name.endswith(".toml")]
