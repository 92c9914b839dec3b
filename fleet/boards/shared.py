"""What the commands of `edge-fleet` have in common: the inventory, a bundle's variables, the exit code."""

import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edge_common import ConfigError
from edge_fleet.boards import inventory as inventories
from edge_fleet.boards.ansible import Ansible

_NOT_ALL = 1
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def ansible_of(options: Mapping[str, Any]) -> Ansible:
    """Raises ConfigError if others may read the password of the vault."""
    vault = options["vault_password_file"]
    if vault and vault.stat().st_mode & _OTHERS and not vault.stat().st_mode & stat.S_IXUSR:
        raise ConfigError(f"{vault} can be read by others: chmod 600 {vault}")
    return Ansible(options["inventories"], vault and vault.resolve(), options["forks"])


def read_fleet(options: Mapping[str, Any]) -> tuple[Ansible, inventories.Inventory]:
    """Raises ConfigError if there is no inventory that can be read."""
    ansible = ansible_of(options)
    return ansible, inventories.read(ansible, options["limit"])


def bundle_variables(bundle: Path, sha256: str, size_bytes: int) -> dict[str, Any]:
    """Of the role `board`."""
    return {
        "edge_bundle": str(bundle.absolute()),
        "edge_bundle_sha256": sha256,
        "edge_bundle_mib": -(-size_bytes // (1 << 20)),
    }


def end(problems: Mapping[str, str], is_done: bool = True) -> None:
    """Raises SystemExit if not all was done."""
    if problems or not is_done:
        raise SystemExit(_NOT_ALL)
