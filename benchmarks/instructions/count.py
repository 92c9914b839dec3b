"""Each part of a bundle counted on each board."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from benchmarks.instructions.figures import Instructions
from devices.catalogue import profile_named, profiles
from devices.emulation.counting import ARCHITECTURE, InstructionCounter, counter
from devices.emulation.unavailable import BuildFailed, RunFailed, Unavailable
from devices.errors import DeviceError
from devices.profile import Profile
from edge.bundle import Bundle
from edge.errors import EngineError
from edge.progress import Progress

ALL = "all"


def boards_named(names: str) -> tuple[Profile, ...]:
    """The boards of `pi-4,pi-5`; of `all` those that can be counted for.

    Raises DeviceError for a name that there is not.
    """
    if names == ALL:
        return tuple(filter(_can_be_counted, profiles().values()))
    given = (name.strip() for name in names.split(","))
    found = tuple(profile_named(name) for name in dict.fromkeys(filter(None, given)))
    if not found:
        raise DeviceError(f"--device '{names}' names no board: `edge-devices list` shows them")
    return found


def _can_be_counted(profile: Profile) -> bool:
    return bool(profile.cpu.qemu_cpu) and profile.cpu.architecture == ARCHITECTURE


def counters(boards: Sequence[Profile], progress: Progress) -> tuple[InstructionCounter, ...]:
    """Make ready to count. Raises EngineError where this machine cannot."""
    try:
        return tuple(counter(board, progress.say) for board in boards)
    except (Unavailable, BuildFailed) as error:
        raise EngineError(f"instructions cannot be counted here: {error}") from error


def count_parts(
    bundle: Bundle, counters: Sequence[InstructionCounter], progress: Progress
) -> Instructions:
    """Instructions of one inference of each part on each board; a few seconds for each.

    Raises EngineError where a part does not run there.
    """
    parts = bundle.manifest.parts
    pairs = [(counter, part) for counter in counters for part in parts]
    with (
        progress.count("counting instructions, parts on boards", len(pairs)) as on_each,
        ThreadPoolExecutor(os.cpu_count()) as pool,
    ):
        counted = pool.map(lambda pair: pair[0].count(bundle.members[pair[1].file]), pairs)
        found: Instructions = {}
        try:
            for (counter, part), counts in zip(pairs, counted):
                found.setdefault(counter.board.profile.name, {})[part.role] = counts
                on_each()
        except RunFailed as error:
            raise EngineError(str(error)) from error
    return found
