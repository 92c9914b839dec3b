"""The boards of an inventory of Ansible's, as Ansible itself reads it, and what is wrong with some.

Group names are those of boards with `_` in place of `-` (`pi_4`), as Ansible wants no `-` in them.
"""

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from edge_common import ConfigError, DataError, DeviceError, decode
from edge_devices.profiles import profile_named, profiles
from edge_fleet.boards.ansible import Ansible

_PASSWORDS = (
    "ansible_password", "ansible_ssh_pass", "ansible_ssh_password", "ansible_become_password",
    "ansible_become_pass", "ansible_sudo_pass",
)  # fmt: skip
DISK_MB, MEMORY_MB = 2000.0, 512.0


@dataclass(frozen=True)
class BoardLimits:
    """What a board may spend on edge-run, from the inventory's variables of these names.

    edge_latency_ms: of a frame; None: as long as frames come at the bundle's rate.
    edge_memory_mb: of the service, which is ended beyond it.  edge_disk_mb: for the program and
    bundles.  edge_board_memory_mib: of the board; None: the smallest version that is sold.
    """

    edge_latency_ms: float | None = None
    edge_memory_mb: float = MEMORY_MB
    edge_disk_mb: float = DISK_MB
    edge_board_memory_mib: float | None = None

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value is not None and not value > 0:
                raise DataError(f"{name} is more than 0, not {value:g}")


@dataclass(frozen=True)
class FleetBoard:
    """One host.  device: the name of its profile; "": no group and no variable says it.

    address: host, port and user, as ssh is to take them.  variables: all that Ansible knows.
    """

    name: str
    device: str = ""
    address: tuple[str, str, str] = ("", "", "")
    limits: BoardLimits = BoardLimits()
    variables: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Inventory:
    """boards: in the inventory's order, those that can be used.  problems: a line of each other's.

    warnings: what Ansible said of the whole.
    """

    boards: Mapping[str, FleetBoard]
    problems: Mapping[str, str]
    warnings: Sequence[str] = ()

    def __len__(self) -> int:
        return len(self.boards) + len(self.problems)


def read(ansible: Ansible, limit: str = "") -> Inventory:
    """limit: a pattern of hosts, as `ansible-playbook --limit` has it.

    Raises ConfigError if Ansible cannot read it, or there is no board in it.
    """
    content, warnings = ansible.inventory(limit)
    inventory = parse(content, warnings)
    if not len(inventory):
        places = ", ".join(map(str, ansible.inventory_paths))
        raise ConfigError(f"{places}: there is no board{f' that fits {limit}' if limit else ''}")
    return inventory


def parse(content: Mapping[str, Any], warnings: Sequence[str] = ()) -> Inventory:
    """content: what `ansible-inventory --list` prints."""
    variables = content.get("_meta", {}).get("hostvars", {})
    groups, known = _groups_of_hosts(content), profiles().keys()
    names = dict.fromkeys(host for group in content.values() for host in group.get("hosts", ()))
    boards, problems = dict[str, FleetBoard](), dict[str, str]()
    for name in names:
        devices = {d for g in groups[name] if (d := g.replace("_", "-")) in known}
        try:
            boards[name] = _board(name, variables.get(name, {}), devices, known)
        except (DataError, DeviceError) as error:
            problems[name] = " ".join(str(error).split())
    for name, problem in _duplicates(boards.values()):
        problems[name] = problem
        del boards[name]
    return Inventory(boards, problems, warnings)


def _groups_of_hosts(content: Mapping[str, Any]) -> Mapping[str, set[str]]:
    """Of each host the groups that it is in, also those around its groups."""
    parents = defaultdict[str, set[str]](set)
    for name, group in content.items():
        for child in group.get("children", ()):
            parents[child].add(name)

    def around(name: str) -> Iterator[str]:
        yield name
        for parent in parents[name]:
            yield from around(parent)

    groups = defaultdict[str, set[str]](set)
    for name, group in content.items():
        for host in group.get("hosts", ()):
            groups[host].update(around(name))
    return groups


def _board(
    name: str, variables: Mapping[str, Any], devices: set[str], known: Container[str]
) -> FleetBoard:
    """Raises DataError, DeviceError if it cannot be one."""
    for variable in _PASSWORDS:
        if variable in variables:
            raise DataError(
                f"the inventory has {variable}: boards are reached by keys (ssh-copy-id), and become "
                "root without a password (NOPASSWD in sudoers)"
            )
    device = variables.get("edge_device")
    if device is None and len(devices) > 1:
        raise DataError(f"is in the groups of {' and '.join(sorted(devices))}: give edge_device")
    device = next(iter(devices), "") if device is None else str(device)
    if device and device not in known:
        profile_named(device)  # which says why not
    limits = {key: value for key, value in variables.items() if key in _LIMITS}
    host = str(variables.get("ansible_host", name)).lower()
    port, user = (str(variables.get(f"ansible_{key}", "")) for key in ("port", "user"))
    return FleetBoard(
        name, device, (host, port or "22", user), decode(BoardLimits, limits), variables
    )


_LIMITS = frozenset(vars(BoardLimits()))


def _duplicates(boards: Iterable[FleetBoard]) -> list[tuple[str, str]]:
    """Names of boards that have another name before, and whose.

    The same address behind another jump host (`ansible_ssh_common_args`) is another board.
    """
    owners: dict[tuple[str, ...], str] = {}
    problems = []
    for board in boards:
        ways = (str(board.variables.get(f"ansible_ssh_{key}_args", "")) for key in _WAYS)
        owner = owners.setdefault((*board.address, *ways), board.name)
        if owner != board.name:
            place = ":".join(board.address[:2])
            problems.append(
                (board.name, f"is {owner} once more, at {place}: remove one of the two names")
            )
    return problems


_WAYS = ("common", "extra")
