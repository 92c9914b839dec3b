"""Counted instructions: of each board, of each part, of a frame."""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from edge.bundle.archive import Bundle
from edge_common import BuildFailed, DeviceError, EngineError, RunFailed, Unavailable, console
from edge_devices.emulation.counting import ARCHITECTURE, Counts, InstructionCounter, counter
from edge_devices.profiles.catalogue import profile_named, profiles
from edge_devices.profiles.profile import Profile

Instructions = dict[str, dict[str, Counts]]  # by board, then by the parts' roles


def instructions_per_frame(counts: Mapping[str, Counts], invocations: Mapping[str, float]) -> float:
    """Instructions of all parts for one decided frame. invocations: of each part for it."""
    return sum(each.instructions * invocations.get(role, 1.0) for role, each in counts.items())


ALL = "all"


def boards_named(names: str) -> tuple[Profile, ...]:
    """The boards of `pi-4,pi-5`; of `all` those that can be counted for.

    Raises DeviceError for a name that there is not.
    """
    if names == ALL:
        return tuple(filter(_can_be_counted, profiles().values()))
    board_names = (name.strip() for name in names.split(","))
    boards = tuple(profile_named(name) for name in dict.fromkeys(filter(None, board_names)))
    if not boards:
        raise DeviceError(f"--device '{names}' names no board: `edge-devices list` shows them")
    return boards


def _can_be_counted(profile: Profile) -> bool:
    return bool(profile.cpu.qemu_cpu) and profile.cpu.architecture == ARCHITECTURE


def counters(
    boards: Sequence[Profile], progress: console.Progress
) -> tuple[InstructionCounter, ...]:
    """Make ready to count. Raises EngineError if this machine cannot."""
    try:
        return tuple(counter(board, progress.say) for board in boards)
    except (Unavailable, BuildFailed) as error:
        raise EngineError(f"instructions cannot be counted here: {error}") from error


def count_parts(
    bundle: Bundle, counters: Sequence[InstructionCounter], progress: console.Progress
) -> Instructions:
    """Instructions of one inference of each part on each board; a few seconds for each.

    Raises EngineError if a part does not run there.
    """
    parts = bundle.manifest.parts
    pairs = [(counter, part) for counter in counters for part in parts]
    with (
        progress.count("counting instructions, parts on boards", len(pairs)) as on_each,
        ThreadPoolExecutor(os.cpu_count()) as pool,
    ):
        results = pool.map(lambda pair: pair[0].count(bundle.members[pair[1].file]), pairs)
        instructions: Instructions = {}
        try:
            for (counter, part), counts in zip(pairs, results):
                instructions.setdefault(counter.board.profile.name, {})[part.role] = counts
                on_each()
        except RunFailed as error:
            raise EngineError(str(error)) from error
    return instructions
