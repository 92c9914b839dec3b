"""Which known board this is, and by what it was recognised."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from edge_devices.detection import cpuinfo
from edge_devices.detection.board import (
    compatible,
    device_tree_model,
    dmi_product,
    userland_architecture,
)
from edge_devices.profiles.catalogue import Catalogue, catalogue, user_folder
from edge_devices.profiles.profile import Profile

# the profile for boards without one, by architecture; others are measured against a PC
_GENERIC = {
    **dict.fromkeys(("aarch64", "arm64"), "generic-aarch64"),
    **dict.fromkeys(("armv6l", "armv7l", "armv8l"), "generic-armv7l"),
}
_GENERIC_ELSE = "generic-x86-64"


@dataclass(frozen=True)
class Detected:
    """The profile of a machine.

    how: `model`, `compatible`, `cpu`, or `architecture` if no profile fits.  evidence: what
    told it.  board: what the board calls itself; None: nothing.
    """

    profile: Profile
    how: str
    evidence: str
    board: str | None = None

    @property
    def is_known(self) -> bool:
        """Whether a profile of this very board was found."""
        return self.how != "architecture"

    @property
    def statement(self) -> str:
        """One line: how the board was recognised, or that it was not and what to do."""
        if self.is_known:
            return f"recognised by {_HOW[self.how]}: {self.evidence}"
        subject = f"'{self.board}'" if self.board else "this board, which does not name itself"
        return (
            f"no profile for {subject}: using {self.profile.name}; "
            f"add one as {user_folder() / _file_name(self.board)}"
        )


_HOW = {
    "model": "its model",
    "compatible": "its device tree",
    "cpu": "its processor alone",
}


def detect(root: Path = Path("/"), boards: Catalogue | None = None) -> Detected:
    """Find the profile of the machine whose /proc and /sys lie below `root`; never fails.

    Evidence, best first: the device tree's model (or the one that a Raspberry Pi's kernel
    adds to /proc/cpuinfo), a name in the device tree's `compatible`, the processor's part
    number if the board does not name itself, else the architecture of its programs.
    """
    boards = boards or catalogue()
    blocks = cpuinfo.read_blocks(root)
    model = device_tree_model(root) or cpuinfo.board_name(blocks)
    names = compatible(root)
    return (
        by_model(boards, model)
        or _by_compatible(boards, names, model)
        or (_by_cpu(boards, blocks) if model is None and not names else None)
        or _by_architecture(boards, root, blocks, model or next(iter(names), None))
    )


def by_model(boards: Catalogue, model: str | None) -> Detected | None:
    """The profile with the longest beginning of the model; the user's own if two have it."""
    fits = [
        (len(start), profile.name in boards.own, profile)
        for profile in boards.profiles.values()
        for start in profile.recognise.models
        if model and model.startswith(start)
    ]
    best = max(fits, key=lambda fit: fit[:2], default=None)
    return Detected(best[2], "model", f"'{model}'", model) if best else None


def _by_compatible(boards: Catalogue, names: Iterable[str], model: str | None) -> Detected | None:
    """The tree names the board before its chip, so its first known name counts."""
    profiles = sorted(boards.profiles.values(), key=lambda profile: profile.name not in boards.own)
    for name in names:
        for profile in profiles:
            if name in profile.recognise.compatible:
                return Detected(profile, "compatible", f"'{name}'", model or name)
    return None


def _by_cpu(boards: Catalogue, blocks: tuple[cpuinfo.Block, ...]) -> Detected | None:
    """The only profile with as many cores of this kind; None if several boards have them."""
    parts = cpuinfo.core_parts(blocks)
    fits = [
        profile
        for profile in boards.profiles.values()
        if parts and set(parts) <= set(profile.recognise.cores) and len(parts) == profile.cpu.cores
    ]
    if len(fits) != 1:
        return None
    return Detected(fits[0], "cpu", f"{len(parts)} x {cpuinfo.cpu_name(blocks)}")


def _by_architecture(
    boards: Catalogue, root: Path, blocks: tuple[cpuinfo.Block, ...], board: str | None
) -> Detected:
    architecture = userland_architecture(root, blocks)
    profile = boards.profiles[_GENERIC.get(architecture, _GENERIC_ELSE)]
    return Detected(profile, "architecture", architecture, board or dmi_product(root))


def _file_name(board: str | None) -> str:
    """`radxa-rock-5b.toml` for `Radxa ROCK 5B`."""
    stem = re.sub(r"[^a-z0-9]+", "-", (board or "").lower()).strip("-")
    return f"{stem[:60] or 'my-board'}.toml"
