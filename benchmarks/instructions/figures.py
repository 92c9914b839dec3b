"""Counted instructions: of each board, of each part, of a frame."""

from collections.abc import Mapping

from devices.emulation.counts import Counts

Instructions = dict[str, dict[str, Counts]]  # by board, then by the parts' roles


def a_frame(counts: Mapping[str, Counts], invocations: Mapping[str, float]) -> float:
    """Instructions of all parts for one decided frame. invocations: of each part for it."""
    return sum(each.instructions * invocations.get(role, 1.0) for role, each in counts.items())
