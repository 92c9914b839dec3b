"""How alike two descriptors must be to be called one person: measured, and kept in the bundle."""

import json
from dataclasses import dataclass

from edge.bundle.archive import Bundle
from edge_common.data import decode, encode
from edge_common.errors import BundleError, GalleryError

ACCEPTANCE = "acceptance.json"


@dataclass(frozen=True)
class Acceptance:
    """A threshold, and what it was measured to let through.

    task: the embedding that it is of.  threshold: least cosine to be named.
    false_accept_rate: share of strangers that are given somebody's name at this threshold,
    with `people` in the gallery, each known by `known_by` photos.
    held_out_rate, low, high: the same of people that a threshold was not chosen on, and its
    95 % interval.  true_accept_rate: share of the people in the gallery, held out as well, that
    get their own name.
    data, command: on what it was measured, and how to do so again.
    """

    task: str
    threshold: float
    false_accept_rate: float
    people: int
    known_by: int = 1
    held_out_rate: float = 0.0
    low: float = 0.0
    high: float = 0.0
    true_accept_rate: float = 0.0
    data: str = ""
    command: str = ""


def to_member(acceptance: Acceptance) -> bytes:
    """What stands in the bundle as `acceptance.json`."""
    return (json.dumps(encode(acceptance), indent=1, sort_keys=True) + "\n").encode()


def acceptance_of(bundle: Bundle) -> Acceptance | None:
    """What the bundle says of its own threshold, or None. Raises BundleError if it is damaged."""
    if ACCEPTANCE not in bundle.members:
        return None
    try:
        return decode(Acceptance, json.loads(bundle.members[ACCEPTANCE]))
    except ValueError as error:
        raise BundleError(f"{ACCEPTANCE} in the bundle is not valid ({error})") from error


def threshold_of(bundle: Bundle, given: float | None) -> float:
    """The threshold that was given, or the bundle's own.

    Raises GalleryError where there is neither.
    """
    if given is not None:
        return given
    measured = acceptance_of(bundle)
    if measured is None:
        raise GalleryError(
            f"the bundle '{bundle.manifest.name}' does not say from which likeness on two "
            "descriptors are one person: give --threshold, such as 0.8"
        )
    return measured.threshold
