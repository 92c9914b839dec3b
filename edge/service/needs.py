"""What a run reads, writes and talks to, as its settings say: no more than that is a service given."""

import grp
import os
import pwd
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from edge import registry
from edge.commands.run_options import RunOptions
from edge.signatures import minisign, trusted
from edge_common import ConfigError


@dataclass(frozen=True)
class Needs:
    """Of a run.

    reads: files and folders that exist.  secrets: of them, those of mode 0600.
    writes: folders outside of the service's own, which exist.
    devices: that DeviceAllow= takes.  has_network: whether anything is reached by one.
    """

    reads: tuple[Path, ...] = ()
    secrets: tuple[Path, ...] = ()
    writes: tuple[Path, ...] = ()
    devices: tuple[str, ...] = ()
    has_network: bool = False


def needs_of(options: RunOptions, config: Path, state: Path, account: "Account") -> Needs:
    """state: the folder of its own that a service has.  account: who it is.

    Raises ConfigError for what no service has: a screen, a standard input, a folder that it was
    started in.
    """
    endpoints = (*options.source.endpoints, *options.outputs)
    for each in endpoints:
        _refuse_terminal(each, each in options.outputs)
    secrets = {_absolute(name) for name in options.secrets if not name.startswith("env:")}
    reads = {config, *map(_absolute, _files(options))}
    writes = (_written(target, is_folder) for target, is_folder in _outputs(options.outputs))
    outside = {folder for folder in writes if folder and not folder.is_relative_to(state)}
    if options.web and account.may(config.parent, os.W_OK | os.X_OK):
        outside.add(config.parent)  # where the page saves zones
    return Needs(
        tuple(sorted(reads - secrets)),
        tuple(sorted(secrets)),
        tuple(sorted(map(_nearest_existing, outside))),
        tuple(dict.fromkeys(d for e in options.source.endpoints for d in e.kind.devices(e.target))),
        bool(options.web)
        or any(map(_is_remote, options.source.endpoints))
        or any(map(_sends, options.outputs)),
    )


def _refuse_terminal(each: registry.Endpoint, is_output: bool) -> None:
    if each.kind.needs_screen:
        raise ConfigError("a service has no screen: leave out show and window")
    if each.target == "-":
        other = "a file" if is_output else "a pipe"
        raise ConfigError(f"{each} is no terminal's in a service: name {other}")


def _files(options: RunOptions) -> Iterator[str]:
    """What is read and exists; a shipped bundle's name is no file."""
    names = (options.bundle, *options.people.files, options.plain.labels, options.gallery)
    yield from (str(name) for name in names if name and os.path.exists(name))
    if options.verifier and options.verifier.verified:
        yield from (str(minisign.signature_path(each.path)) for each in options.verifier.verified)
        yield str(trusted.SYSTEM)
        yield from (str(each.path) for each in trusted.read([trusted.SYSTEM]))
    yield from (e.target for e in options.source.endpoints if e.kind.target == "PATH")
    for each in (*options.source.endpoints, *options.outputs):
        yield from each.kind.values_of("FILE", each.options)
    yield from (
        e.target for e in options.outputs
        if "FILE" in e.kind.target.split("|") and os.path.isfile(e.target)
    )  # fmt: skip


def _absolute(name: str) -> Path:
    path = Path(name)
    if not path.is_absolute():
        raise ConfigError(
            f"{name}: a service is started in a folder of its own: write {path.absolute()}"
        )
    return path if path.exists() or not any(mark in name for mark in "*?[") else _fixed_part(path)


def _fixed_part(pattern: Path) -> Path:
    """The folder that all files of a glob are in."""
    return next(each for each in pattern.parents if not any(mark in str(each) for mark in "*?["))


def _outputs(outputs: Iterable[registry.Endpoint]) -> Iterator[tuple[str, bool]]:
    """Each path that is written to, and whether it is a folder."""
    for each in outputs:
        if each.kind.target in ("PATH", "FOLDER"):
            yield each.target, each.kind.target == "FOLDER"
        yield from ((value, True) for value in each.kind.values_of("FOLDER", each.options))


def _written(target: str, is_folder: bool) -> Path | None:
    """The folder that must be writable; None: it is relative, and so within the service's own."""
    path = Path(target)
    if not path.is_absolute():
        return None
    return path if is_folder else path.parent


def _nearest_existing(folder: Path) -> Path:
    return next(each for each in (folder, *folder.parents) if each.is_dir())


def _is_remote(each: registry.Endpoint) -> bool:
    return each.kind.target == "URL" or " ! " in each.target


def _sends(each: registry.Endpoint) -> bool:
    return each.kind.target not in ("PATH", "FOLDER", "")


def refuse_own_keys(options: RunOptions) -> None:
    """Raise ConfigError for a bundle that only a user's own keys vouch for: the service is another."""
    for each in options.verifier.verified if options.verifier else ():
        if each.key and each.key.path.parent != trusted.SYSTEM:
            raise ConfigError(
                f"{each.key.path} is a key of this user alone, and the service has one of its own: "
                f"edge-bundle keys trust {each.public_key} --name {each.key.name} "
                f"--expires {each.key.file.expires} --system"
            )


@dataclass(frozen=True)
class Account:
    """Who a service is; name: "" for one that systemd makes up while it runs."""

    name: str = ""

    def __post_init__(self) -> None:
        if self.name:
            self._ids  # noqa: B018  # raises if there is none

    @property
    def _ids(self) -> tuple[int, frozenset[int]]:
        """User and groups; of nobody's if systemd makes one up."""
        if not self.name:
            return -1, frozenset()
        try:
            entry = pwd.getpwnam(self.name)
        except KeyError:
            raise ConfigError(
                f"there is no user '{self.name}': useradd --system {self.name}"
            ) from None
        groups = os.getgrouplist(entry.pw_name, entry.pw_gid)
        return entry.pw_uid, frozenset(groups)

    def may(self, path: Path, bits: int) -> bool:
        """bits: of `os.R_OK`, `os.W_OK` and `os.X_OK`, all of which are needed."""
        user, groups = self._ids
        status = path.stat()
        shift = 6 if status.st_uid == user else 3 if status.st_gid in groups else 0
        return user == 0 or (stat.S_IMODE(status.st_mode) >> shift) & bits == bits

    def check(self, needs: Needs, state: Path) -> None:
        """Raises ConfigError if it may not read or write what it has to."""
        for path in (*needs.reads, *needs.secrets):
            if not path.exists():
                raise ConfigError(f"{path} is not there: check the path")
        for path in needs.reads:
            bits = os.R_OK | os.X_OK if path.is_dir() else os.R_OK
            ways = [] if is_hidden(path) else [(each, os.X_OK) for each in path.parents]
            for each, required in ((path, bits), *ways):
                if not self.may(each, required):
                    raise ConfigError(f"{each} may not be read by the service: chmod a+rX {each}")
        for path in needs.writes:
            if not self.may(path, os.W_OK | os.X_OK):
                account = f"user {self.name}" if self.name else "the service's own user"
                raise ConfigError(
                    f"{account} may not write into {path}: write to {state} or below, "
                    "or give --run-as a user who may"
                )


_HIDDEN = tuple(map(Path, ("/home", "/root", "/run/user", "/tmp", "/var/tmp")))


def is_hidden(folder: Path) -> bool:
    """Whether a service has an empty folder there: its unit puts back what it needs."""
    return any(folder.is_relative_to(hidden) for hidden in _HIDDEN)


def group_exists(name: str) -> bool:
    try:
        grp.getgrnam(name)
    except KeyError:
        return False
    return True
