"""How alike clips and files are: cosines of what precedes a task's last layer.

A clip is compared with each file (photo, video) of the part but its own; a file is the mean
of its clips' descriptors. So no clip is recognised by the pixels that it shares with another.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge.tasks import Task, kind_of
from edge_common import ConfigError, nearest_or_all
from edge_models.evaluation import intervals, network, similarity
from edge_models.evaluation.recognition import MOST_GALLERIES, Recognition, recognise
from edge_models.sections import EvaluationSection

RATES = (0.05, 0.01)  # of impostors' clips that may get a name


@dataclass(frozen=True)
class Named:
    """At the threshold where `rate` of the impostors' clips get a name: who is named rightly.

    known: share of the known people's clips that get their own name; n: these clips.
    """

    rate: float
    threshold: float
    known: intervals.Estimate
    stranger_clips: int


@dataclass(frozen=True)
class OpenSet:
    """Known people, one file each in the gallery, and impostors, asked alike."""

    known_people: int
    strangers: int
    named: tuple[Named, ...]


def open_set(
    descriptors: np.ndarray, people: np.ndarray, sources: np.ndarray,
    impostors: np.ndarray, impostor_people: np.ndarray,
) -> OpenSet | None:  # fmt: skip
    """Ask galleries of the known people for all clips of files that are not in them.

    Args:
        descriptors, impostors: descriptors (n, d) and (k, d).
        people, sources: int64 (n,), who is in each known clip, and which file it is of.
        impostor_people: int64 (k,), of the impostors.

    Returns:
        None if nobody is known by two files.
    """
    likeness = similarity.similarities_of(descriptors, people, sources)
    if not len(likeness.identifiable):
        return None
    predictions, clips = _ask(likeness, impostors)
    return OpenSet(
        len(np.unique(people)), len(np.unique(impostor_people)),
        tuple(_named(predictions, clips, likeness.people, rate, len(impostor_people)) for rate in RATES),
    )  # fmt: skip


def _ask(
    likeness: similarity.Similarities, impostors: np.ndarray
) -> tuple[similarity.GalleryResults, np.ndarray]:
    """All galleries' answers one after another, and which known clip each of them is of."""
    foreign = similarity.cosines(similarity.unit(impostors.astype(np.float32)), likeness.files)
    of_strangers, of_known, right, clips = [], [], [], []
    for gallery in similarity.galleries(likeness, MOST_GALLERIES):
        probes = np.flatnonzero(
            ~np.isin(likeness.own, gallery) & np.isin(likeness.people, likeness.identifiable)
        )
        similarities = likeness.values[np.ix_(probes, gallery)]
        nearest = likeness.people_of_files[gallery[similarities.argmax(axis=1)]]
        of_strangers.append(foreign[:, gallery].max(axis=1))
        of_known.append(similarities.max(axis=1))
        right.append(nearest == likeness.people[probes])
        clips.append(probes)
    strange, near, hits, clip = map(np.concatenate, (of_strangers, of_known, right, clips))
    return similarity.GalleryResults(strange, near, hits), clip


def _named(
    predictions: similarity.GalleryResults,
    clips: np.ndarray,
    people: np.ndarray,
    rate: float,
    impostors: int,
) -> Named:
    threshold = predictions.threshold_at(rate)
    share = predictions.true_accept_rate(threshold)
    interval = intervals.share_interval(
        (predictions.known >= threshold) & predictions.right, people[clips]
    )
    estimate = intervals.Estimate(share, *interval, len(np.unique(clips)))
    return Named(rate, threshold, estimate, impostors)


USUAL = "reid"
MOST_CLIPS = 2000  # compared with each other; of more, whole files are drawn


@dataclass(frozen=True)
class Identity:
    """What was measured; None if the data do not allow it.

    Attributes:
        closed: whether there are no clips of people that no training saw.
        seen: people that were trained on, in files that were not.
        impostors: people that no training saw, among each other.
        open_set: known people asked for among impostors.
    """

    task: str
    closed: bool
    seen: Recognition | None
    impostors: Recognition | None
    open_set: OpenSet | None


def identity_task(section: EvaluationSection, tasks: Sequence[Task]) -> str:
    """The task that tells people apart, "" for none.

    Raises:
        ConfigError: the training file names one that there is not, or that has no classes.
    """
    classes = [task.name for task in tasks if kind_of(task).has_classes]
    if section.identity == "auto":
        return USUAL if USUAL in classes else ""
    if section.identity and section.identity not in classes:
        raise ConfigError(
            f"evaluation.identity is {section.identity!r}, which is no task with classes"
            f"{nearest_or_all(section.identity, classes)}"
        )
    return section.identity


def measure_identity(
    task: str, predictions: network.Predictions, impostors: network.Predictions | None
) -> Identity:
    """Compare what precedes the task's last layer, by cosine."""
    trained_on = _some_files(*_descriptors_of(task, predictions))
    recognition = recognise(similarity.similarities_of(*trained_on))
    if impostors is None:
        return Identity(task, True, recognition, None, None)
    unknown = _some_files(*_descriptors_of(task, impostors))
    among = recognise(similarity.similarities_of(*unknown))
    return Identity(task, False, recognition, among, open_set(*trained_on, *unknown[:2]))


def _descriptors_of(
    task: str, predictions: network.Predictions
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if predictions.before is None:
        raise ValueError(f"what precedes the last layer of {task} was not kept")
    return predictions.before, predictions.part.labels[task], predictions.part.source_of_each


def _some_files(
    descriptors: np.ndarray, people: np.ndarray, sources: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All clips, or those of files drawn until they are `MOST_CLIPS`."""
    if len(people) <= MOST_CLIPS:
        return descriptors, people, sources
    files, clips = np.unique(sources, return_counts=True)
    order = np.random.default_rng(0).permutation(len(files))
    enough = max(1, int(np.searchsorted(np.cumsum(clips[order]), MOST_CLIPS, "right")))
    in_files = np.isin(sources, files[order[:enough]])
    return descriptors[in_files], people[in_files], sources[in_files]
