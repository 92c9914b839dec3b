"""A unit of systemd for edge-run: as little of the machine as its settings need (systemd.exec(5))."""

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edge.service import needs as allowed
from edge.sources.login import credential_name
from edge_common import ConfigError, children

MARK = "# Written by `edge-run service install`"
_BACKOFF_SINCE = 254  # of systemd: RestartSteps=
Lines = Sequence[tuple[str, str]]

# what a service is not given, whatever its settings say
_CONFINED: Lines = (
    ("NoNewPrivileges", "yes"),
    ("CapabilityBoundingSet", ""),
    ("AmbientCapabilities", ""),
    ("ProtectSystem", "strict"),
    ("ProtectHome", "tmpfs"),
    ("PrivateTmp", "yes"),
    ("PrivateUsers", "yes"),
    ("PrivateIPC", "yes"),
    ("ProtectClock", "yes"),
    ("ProtectControlGroups", "yes"),
    ("ProtectHostname", "yes"),
    ("ProtectKernelLogs", "yes"),
    ("ProtectKernelModules", "yes"),
    ("ProtectKernelTunables", "yes"),
    ("ProtectProc", "invisible"),
    ("RemoveIPC", "yes"),
    ("RestrictNamespaces", "yes"),
    ("UMask", "0077"),
)
# ... nor that of a user, whose manager can take no more than this away
_CONFINED_ANYWHERE: Lines = (
    ("LockPersonality", "yes"),
    ("MemoryDenyWriteExecute", "yes"),
    ("RestrictRealtime", "yes"),
    ("RestrictSUIDSGID", "yes"),
    ("SystemCallArchitectures", "native"),
    ("SystemCallFilter", "@system-service"),
    ("SystemCallFilter", "~@privileged @resources"),
    ("SystemCallFilter", "capset"),  # of setpriv, so that no capture program outlives the run
    ("SystemCallErrorNumber", "EPERM"),
    ("KeyringMode", "private"),
    ("LimitCORE", "0"),
)
_NETWORK: Lines = (("RestrictAddressFamilies", "AF_UNIX AF_INET AF_INET6"),)
_NO_NETWORK: Lines = (
    ("RestrictAddressFamilies", "AF_UNIX"),
    ("PrivateNetwork", "yes"),
    ("IPAddressDeny", "any"),
)


def program() -> tuple[str, ...]:
    """What starts edge-run as this process was started."""
    script = Path(sys.prefix, "bin", "edge-run")
    return (str(script),) if script.exists() else tuple(children.module_command("edge.cli"))


def code() -> tuple[Path, ...]:
    """Folders that Python and the packages are in."""
    places = {Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable).resolve().parent}
    places |= {Path(entry) for entry in sys.path if entry and Path(entry).is_dir()}
    inner = {p for p in places if any(other != p and p.is_relative_to(other) for other in places)}
    return tuple(sorted(places - inner))


@dataclass(frozen=True)
class Unit:
    """What a unit is made of.

    config: the settings file, which the service reads itself.
    account: who it is.  devices: beyond those that its sources need, as DeviceAllow= takes them.
    memory_mb: that it is ended at, and started again.  watchdog_s: within which a sign of life has
    to come.  systemd: the version that it is for.  is_user: a unit of a user's own manager.
    flags: of the command line, which the settings cannot take back.
    program: what it starts.  code: the folders that this and what it imports are in.
    """

    name: str
    config: Path
    needs: allowed.Needs
    account: allowed.Account = field(default_factory=allowed.Account)
    devices: tuple[str, ...] = ()
    memory_mb: int = 512
    watchdog_s: int = 30
    systemd: int = 252
    is_user: bool = False
    flags: tuple[str, ...] = ()
    program: tuple[str, ...] = field(default_factory=program)
    code: tuple[Path, ...] = field(default_factory=code)

    def __str__(self) -> str:
        """The text of the file."""
        sections = {"Unit": self._unit(), "Service": self._service(), "Install": self._install()}
        text = "\n\n".join(
            "\n".join([f"[{title}]", *(f"{key}={value}" for key, value in lines)])
            for title, lines in sections.items()
        )
        return f"{MARK}; it is written anew by the same command.\n{text}\n"

    def _unit(self) -> Iterator[tuple[str, str]]:
        yield "Description", f"edge-run: {_plain(str(self.config))}"
        if self.needs.has_network and not self.is_user:
            yield "Wants", "network-online.target"
            yield "After", "network-online.target"
        yield "StartLimitIntervalSec", "0"  # a camera may be away for a week

    def _service(self) -> Iterator[tuple[str, str]]:
        yield "Type", "notify"
        yield (
            "ExecStart",
            " ".join(map(quoted, (*self.program, "--config", str(self.config), *self.flags))),
        )
        # procps, which has /bin/kill, is not on every system
        yield "ExecReload", '/bin/sh -c "kill -HUP ${MAINPID}"'
        yield "EnvironmentFile", f"-{'%E' if self.is_user else '/etc'}/edge-run/{self.name}.env"
        yield from (("Environment", f"{key}={value}") for key, value in self._folders())
        yield "WorkingDirectory", f"%S/{self.name}"
        yield "StateDirectory", self.name
        yield "CacheDirectory", self.name
        yield "WatchdogSec", str(self.watchdog_s)
        yield "TimeoutStartSec", "120"  # until the first frame
        yield "TimeoutStopSec", "60"  # outputs are completed
        yield "KillMode", "mixed"  # what gives frames is not ended before the run is
        yield "Restart", "on-failure"
        yield from self._pauses()
        yield "SuccessExitStatus", "130"  # ended by a signal, with its outputs complete
        yield "MemoryMax", f"{self.memory_mb}M"
        yield "MemorySwapMax", "0"
        yield "TasksMax", "128"
        yield "LogRateLimitIntervalSec", "30"
        yield "LogRateLimitBurst", "300"
        if not self.is_user:
            yield from self._identity()
            yield from _CONFINED
            yield from self._files()
            yield from self._devices()
        yield from _CONFINED_ANYWHERE
        yield from _NETWORK if self.needs.has_network or self.is_user else _NO_NETWORK

    def _folders(self) -> Iterator[tuple[str, str]]:
        yield "HOME", f"%S/{self.name}"
        yield "XDG_STATE_HOME", f"%S/{self.name}"
        yield "XDG_CACHE_HOME", f"%C/{self.name}"
        if self.is_user:  # whose trusted keys are this user's
            yield "XDG_CONFIG_HOME", "%E"

    def _pauses(self) -> Iterator[tuple[str, str]]:
        if self.systemd >= _BACKOFF_SINCE:
            yield from (("RestartSec", "2"), ("RestartSteps", "6"), ("RestartMaxDelaySec", "120"))
        else:
            yield "RestartSec", "10"

    def _identity(self) -> Iterator[tuple[str, str]]:
        yield ("User", self.account.name) if self.account.name else ("DynamicUser", "yes")
        groups = ["video"] if self.needs.devices or self.devices else []
        if self.devices:  # of accelerators
            groups += filter(allowed.group_exists, ("render", "plugdev"))
        if groups:
            yield "SupplementaryGroups", " ".join(groups)

    def _files(self) -> Iterator[tuple[str, str]]:
        """ProtectHome= and PrivateTmp= hide folders; what is needed of them is put back where it was."""
        for path in dict.fromkeys((*self.needs.reads, *self.code)):
            if allowed.is_hidden(path):
                yield "BindReadOnlyPaths", quoted(path, "")
        for path in self.needs.writes:
            kind = "BindPaths" if allowed.is_hidden(path) else "ReadWritePaths"
            yield kind, quoted(path, "")
        for path in self.needs.secrets:
            yield "LoadCredential", f"{credential_name(str(path))}:{_plain(str(path))}"

    def _devices(self) -> Iterator[tuple[str, str]]:
        if not (devices := (*self.needs.devices, *self.devices)):
            yield "PrivateDevices", "yes"
        yield "DevicePolicy", "closed"
        yield from (("DeviceAllow", f"{quoted(device, '')} rw") for device in devices)

    def _install(self) -> Iterator[tuple[str, str]]:
        yield "WantedBy", "default.target" if self.is_user else "multi-user.target"


def quoted(word: str | Path, special: str = "$") -> str:
    """One word of a unit's line (systemd.syntax(7)): no specifier, no variable, no blank ends it.

    Raises ConfigError for what no line can hold.
    """
    text = _plain(str(word))
    for each in special:
        text = text.replace(each, each * 2)
    if re.fullmatch(r"[\w@%+=,./$~-]+", text):
        return text
    escaped = text.replace("\\", r"\\").replace('"', r"\"")
    return f'"{escaped}"'


def _plain(text: str) -> str:
    if not text.isprintable():
        raise ConfigError(f"{text!r} cannot stand in a unit of systemd: give it another name")
    return text.replace("%", "%%")
