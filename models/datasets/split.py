"""Deal files into train, validation and test."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from edge.errors import ClipError, ConfigError


@dataclass(frozen=True)
class Dealt:
    """Indices by use, ascending; no index is in two of them. int64 each."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def deal(strata: Sequence[Hashable], seed: int, *, validation: float, test: float) -> Dealt:
    """Deal items at random, each stratum as evenly as its size allows.

    What a stratum's share lacks to a whole item is carried over to the next, so that
    the shares hold over all. A stratum's first item is always trained on.

    Args:
        strata: of each item, what it shares with its like (its classes).
        validation, test: shares, the rest is for training.

    Raises:
        ConfigError: the shares leave nothing to train on.
        ClipError: there are too few items for three parts.
    """
    if min(validation, test) <= 0 or validation + test >= 1:
        raise ConfigError(
            f"validation_share {validation} and test_share {test} must both be above 0 "
            "and together below 1"
        )
    random = np.random.default_rng(seed)
    parts: tuple[list, list, list] = ([], [], [])
    owed = {1: 0.0, 2: 0.0}
    for members in _by_stratum(strata):
        left = list(random.permutation(members))
        for part, share in ((2, test), (1, validation)):
            owed[part] += share * len(members)
            taken = min(int(owed[part] + 0.5), len(left) - 1)
            owed[part] -= taken
            parts[part].extend(left[:taken])
            left = left[taken:]
        parts[0].extend(left)
    if not all(parts):
        raise ClipError(
            f"{len(strata)} usable files in {len(set(strata))} combinations of classes are too "
            "few to train, validate and test with: add more of each class"
        )
    return Dealt(*(np.sort(np.array(part, np.int64)) for part in parts))


def _by_stratum(strata: Sequence[Hashable]) -> list[list[int]]:
    members: dict[Hashable, list[int]] = {}
    for index, stratum in enumerate(strata):
        members.setdefault(stratum, []).append(index)
    return [members[stratum] for stratum in sorted(members, key=repr)]
