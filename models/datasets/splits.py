"""How items are split into parts: whole groups at a time, or as others have fixed it."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edge_common import ClipError, ConfigError

PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class Split:
    """Indices by use, ascending; no index is in two of them. int64 each."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


@dataclass(frozen=True)
class Shares:
    """Of the groups; the rest is to train on. Raises ConfigError if nothing is left for a part."""

    validation: float
    test: float

    def __post_init__(self) -> None:
        if not (min(self.validation, self.test) > 0 and self.validation + self.test < 1):
            raise ConfigError(
                f"validation_share {self.validation} and test_share {self.test} must both be "
                "above 0 and together below 1"
            )


@dataclass(frozen=True)
class GroupMember:
    """What decides the part of an item.

    Attributes:
        group: what it must stay together with.
        stratum: what it shares with its like (its classes).
        part: what others fixed, or "".
    """

    group: Hashable
    stratum: Hashable
    part: str = ""


def split(members: Sequence[GroupMember], seed: int, shares: Shares) -> Split:
    """Split items, each stratum as evenly as its size allows, and no group into two parts.

    If others fixed the part of some, those stay there, and the rest is trained on; if they fixed
    none for validation, groups for it are drawn from those to train on.

    Raises:
        ClipError: a group is fixed in two parts, or a part would be empty.
    """
    strata, parts = _strata(members), _fixed_parts(members)
    drawn = {"test": shares.test, "validation": shares.validation}
    if any(parts.values()):
        parts = {group: part or "train" for group, part in parts.items()}
        strata = {group: stratum for group, stratum in strata.items() if parts[group] == "train"}
        drawn = {} if "validation" in parts.values() else {"validation": shares.validation}
    parts |= _draw(strata, seed, drawn)
    indices = {
        name: [index for index, member in enumerate(members) if parts[member.group] == name]
        for name in PARTS
    }
    for name, own in indices.items():
        if not own:
            raise ClipError(_why_empty(name, members, parts))
    return Split(*(np.array(own, np.int64) for own in indices.values()))


def _why_empty(name: str, members: Sequence[GroupMember], parts: Mapping[Hashable, str]) -> str:
    if any(member.part for member in members):
        return f"nothing is left for {name}: look at what [data] says of parts and shares, and at the table"
    groups = f" in {len(parts)} groups" if len(parts) < len(members) else ""
    return (
        f"{len(members)} usable files{groups} in {len({m.stratum for m in members})} combinations of "
        "classes are too few to train, validate and test with: add more of each class"
    )


MIXED = "several"


def _strata(members: Sequence[GroupMember]) -> dict[Hashable, Hashable]:
    """Of each group; those whose members are of several strata are one stratum together."""
    strata: dict[Hashable, Hashable] = {}
    for member in members:
        first = strata.setdefault(member.group, member.stratum)
        if first != member.stratum:
            strata[member.group] = MIXED
    return strata


def _fixed_parts(members: Sequence[GroupMember]) -> dict[Hashable, str]:
    parts: dict[Hashable, str] = {}
    for member in members:
        if (part := parts.setdefault(member.group, member.part)) != member.part:
            raise ClipError(
                f"{member.group} is in {part} and in {member.part}: what belongs together must be in one "
                "part; mend the split, or name another column as group in [data]"
            )
    return parts


def _draw(
    strata: Mapping[Hashable, Hashable], seed: int, shares: Mapping[str, float]
) -> dict[Hashable, str]:
    """The part of each group, drawn at random.

    What a stratum's share lacks to a whole group is carried over to the next, so that the shares
    hold over all. A stratum's first group is always trained on.
    """
    random = np.random.default_rng(seed)
    parts: dict[Hashable, str] = {}
    owed = dict.fromkeys(shares, 0.0)
    groups = list(strata)
    for own in _by_stratum(strata.values()):
        remaining = list(random.permutation(own))
        for part, share in shares.items():
            owed[part] += share * len(own)
            count = min(int(owed[part] + 0.5), len(remaining) - 1)
            owed[part] -= count
            parts |= {groups[index]: part for index in remaining[:count]}
            remaining = remaining[count:]
        parts |= {groups[index]: "train" for index in remaining}
    return parts


def _by_stratum(strata: Iterable[Hashable]) -> list[list[int]]:
    members: dict[Hashable, list[int]] = {}
    for index, stratum in enumerate(strata):
        members.setdefault(stratum, []).append(index)
    return [members[stratum] for stratum in sorted(members, key=repr)]
