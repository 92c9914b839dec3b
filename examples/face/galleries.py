"""The ORL photos as the pretrained networks are shown them: five a person known, five not."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from edge.bundle import REPORT, Accuracy, Bundle, write_bundle
from edge_common import BundleError, document, statistics
from edge_models.datasets import motion, orl, orl_motion
from edge_models.evaluation import intervals, similarity

# numbers of the photos that a person is known by, and of those to be recognised
PARTS: dict[str, range] = {"gallery": range(1, 6), "probes": range(6, 11), "all": range(1, 11)}
# These networks learned from faces with their hair and chin, nearly all of an ORL photo.
WHOLE_FACE = motion.MotionRange(window_px=(80.0, 92.0))


def part_of(photos: Sequence[orl.Photo], part: str) -> list[orl.Photo]:
    """The photos of one of `PARTS`."""
    return [photo for photo in photos if photo.number in PARTS[part]]


def face_plans(photos: Sequence[orl.Photo], count: int, seed: int) -> list[orl_motion.ClipPlan]:
    """`count` clips, people and motions as evenly as they can be; at most 8 a photo."""
    return orl_motion.balanced(orl_motion.plan_clips(photos, seed), count, seed)


def render_faces(plans: Sequence[orl_motion.ClipPlan], window: int, size: int) -> np.ndarray:
    """Render to uint8 (clips, window, size, size, 3) RGB."""
    frames = np.empty((len(plans), window, size, size, 3), np.uint8)
    for slot, plan in zip(frames, plans, strict=True):
        slot[:] = orl_motion.render_clip(plan, window, size, WHOLE_FACE)
    return frames


KNOWN_BY = 5  # photos that a person of a gallery is known by


def leave_one_out(likeness: np.ndarray, people: np.ndarray) -> np.ndarray:
    """For each photo, bool (n,): whether the nearest of all others shows the same person."""
    to_others = likeness.copy()
    np.fill_diagonal(to_others, -np.inf)
    return people[to_others.argmax(1)] == people


def pairs(likeness: np.ndarray, people: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Similarity of all pairs of photos: of one person, and of two people."""
    upper = np.triu(np.ones(likeness.shape, bool), 1)
    is_same_person = people[:, None] == people[None]
    return likeness[upper & is_same_person], likeness[upper & ~is_same_person]


def asked(
    likeness: np.ndarray,
    people: np.ndarray,
    candidates: np.ndarray,
    enrolled: int,
    draws: int,
    random: np.random.Generator,
) -> similarity.GalleryResults:
    """Enroll `enrolled` of the people `candidates`, `draws` times, and ask all their other photos.

    Each is known by `KNOWN_BY` photos drawn at random; whoever is not drawn is an impostor.
    """
    probes = np.flatnonzero(np.isin(people, candidates))
    results = [
        _ask(likeness, people, random.permutation(candidates)[:enrolled], probes, random)
        for _ in range(draws)
    ]
    return similarity.GalleryResults(*(np.concatenate(parts) for parts in zip(*results)))


def _ask(
    likeness: np.ndarray,
    people: np.ndarray,
    enrolled_people: np.ndarray,
    probes: np.ndarray,
    random: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Answers to impostors and to the people `chosen`, and whether the latter are right."""
    gallery = np.concatenate(
        [
            random.permutation(np.flatnonzero(people == person))[:KNOWN_BY]
            for person in enrolled_people
        ]
    )
    probes = np.setdiff1d(probes, gallery)
    likest = likeness[np.ix_(probes, gallery)]
    nearest, best = people[gallery][likest.argmax(1)], likest.max(1)
    is_enrolled = np.isin(people[probes], enrolled_people)
    return (
        best[~is_enrolled],
        best[is_enrolled],
        nearest[is_enrolled] == people[probes][is_enrolled],
    )


def held_out(
    likeness: np.ndarray,
    people: np.ndarray,
    enrolled: int,
    rate: float,
    random: np.random.Generator,
    *,
    halvings: int = 100,
    draws: int = 20,
) -> tuple[intervals.Estimate, intervals.Estimate]:
    """False and true accept rate of people that the threshold was not chosen on.

    The people are halved at random: on one half a threshold is chosen at `rate`, on the
    other both rates are taken. The intervals hold 95 % of the halvings.
    """
    every = np.unique(people)
    rates = []
    for _ in range(halvings):
        mixed = random.permutation(every)
        choose, check = mixed[: len(every) // 2], mixed[len(every) // 2 :]
        threshold = asked(likeness, people, choose, enrolled, draws, random).threshold_at(rate)
        answers = asked(likeness, people, check, enrolled, draws, random)
        rates.append((answers.false_accept_rate(threshold), answers.true_accept_rate(threshold)))
    false, true = np.array(rates).T

    def estimate(values: np.ndarray) -> intervals.Estimate:
        return intervals.Estimate(float(values.mean()), *statistics.central_95(values), len(people))

    return estimate(false), estimate(true)


def seal(
    bundle: Bundle,
    section: document.Section,
    accuracy: Sequence[Accuracy] = (),
    members: Mapping[str, bytes] | None = None,
) -> Bundle:
    """The bundle, written again under its name; what an earlier run put there is replaced.

    Raises BundleError if it cannot be written.
    """
    if bundle.path is None:
        raise BundleError("the bundle has no file of its own: open one that lies on disk")
    own = {(a.task, a.metric, a.graph) for a in accuracy}
    other_figures = [a for a in bundle.manifest.accuracy if (a.task, a.metric, a.graph) not in own]
    report = _with_section(bundle.members.get(REPORT, b"").decode(), section)
    manifest = replace(bundle.manifest, accuracy=(*other_figures, *accuracy))
    every = {**bundle.members, **(members or {}), REPORT: report.encode()}
    return write_bundle(bundle.path, manifest, every)


def _with_section(report: str, section: document.Section) -> str:
    """The Markdown with the section at its end, and none of its name before."""
    parts = [part for part in report.split("\n## ") if not part.startswith(f"{section.title}\n")]
    added = document.markdown("", [section]).split("\n## ", 1)[1]
    return "\n## ".join([*(part.rstrip("\n") + "\n" for part in parts), added])
