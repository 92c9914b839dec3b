"""Waves of a roll-out: how many boards have a bundle before the next ones get it."""

import hashlib
import math
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edge_common import ConfigError

_NUMBER = re.compile(r"(\d{1,7})")
_SHARE = re.compile(r"(\d{1,3}(?:\.\d{1,6})?)\s*%")
USUAL = "1,10%,50%,all"


@dataclass(frozen=True)
class WaveEnd:
    """How many boards have it after a wave: a number of them, or a share of all, 0 to 1."""

    boards: int = 0
    share: float = 0.0

    def of(self, total: int) -> int:
        """Boards of so many, rounded up."""
        # 0.1 * 30 is 3.0000000000000004: a share is not to be one board larger than it says
        shared = math.ceil(round(self.share * total, 6))
        return min(total, max(self.boards, shared))


def parse_ends(text: str) -> tuple[WaveEnd, ...]:
    """`1,10%,50%,all`. Raises ConfigError for what is none of these."""
    return tuple(_parse_end(word.strip().lower()) for word in text.split(","))


def _parse_end(word: str) -> WaveEnd:
    if word == "all":
        return WaveEnd(share=1.0)
    if (match := _NUMBER.fullmatch(word)) and int(match[1]) > 0:
        return WaveEnd(boards=int(match[1]))
    if (match := _SHARE.fullmatch(word)) and 0 < float(match[1]) <= 100:
        return WaveEnd(share=float(match[1]) / 100)
    raise ConfigError(
        f"'{word}' is no wave: give numbers of boards, shares or `all`, such as --waves {USUAL}"
    )


def split(kinds: Mapping[str, str], ends: Sequence[WaveEnd], seed: str) -> list[tuple[str, ...]]:
    """The boards of each wave: each board once, and each kind as often as its share of all.

    kinds: of boards by their names.  ends: the last wave takes whoever is left, whatever it says.
    seed: another one begins with other boards; the same gives the same waves.
    """
    order = mixed(kinds, seed)
    waves, start = list[tuple[str, ...]](), 0
    for end in [*(each.of(len(order)) for each in ends[:-1]), len(order)]:
        if end > start:
            waves.append(tuple(order[start:end]))
            start = end
    return waves


def mixed(kinds: Mapping[str, str], seed: str) -> list[str]:
    """Names in an order of which each beginning holds kinds in their shares, to within one board."""
    by_kind = defaultdict[str, list[str]](list)
    for name in sorted(kinds, key=lambda name: _rank(name, seed)):
        by_kind[kinds[name]].append(name)
    places = [
        ((number + 0.5) / len(names), -len(names), name)
        for names in by_kind.values()
        for number, name in enumerate(names)
    ]
    return [name for *_, name in sorted(places)]


def _rank(name: str, seed: str) -> bytes:
    """So that it is not always the same board that a new bundle is tried on."""
    return hashlib.sha256(f"{seed}\0{name}".encode("utf-8", "replace")).digest()
