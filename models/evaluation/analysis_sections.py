"""The page's sections on where the network looks, and on identification."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edge_common.document import Picture, Section, Table
from edge_models.evaluation import gradcam, intervals, plots, recognition
from edge_models.evaluation.identity import Identity, OpenSet


@dataclass(frozen=True)
class Heat:
    """What speaks for one task's answers, and whether that matters."""

    pictures: Sequence[Picture]
    covering: gradcam.Covering


def heat_sections(heat: Mapping[str, Heat], grid: tuple[int, int]) -> list[Section]:
    """Of each task; `grid` is h, w of the backbone's last maps."""
    height, width = grid
    covered = next(iter(heat.values())).covering.hottest.n
    text = [
        "Grad-CAM++ (A. Chattopadhay et al., 2018): which places of the backbone's last maps speak "
        "for the answer that was given, in each frame; for a number, for a higher one. From the "
        "coldest place of the clip (the bare frame) to its hottest (yellow): colours cannot be "
        "compared between clips.",
        f"These maps are {height} x {width}: coarse, drawn smooth. They say roughly where, not "
        "which line or eye. Clips are drawn at random; of numbers, from the better half, then the "
        "worst.",
        "Does it point at what matters? The table says by how much the score of the answer (before "
        "the softmax; of a number, as scaled) falls when the hottest quarter of all places is "
        f"covered by the mean of all, and when a random quarter is, in {covered} clips. "
        + _does_it_point(heat),
    ]
    parts = [
        Section(f"What speaks for {name}", pictures=task_heat.pictures, level=3)
        for name, task_heat in heat.items()
    ]
    return [Section("Where it looks", text, [_covering_table(heat)]), *parts]


def _covering_table(heat: Mapping[str, Heat]) -> Table:
    rows = [
        (name, *map(intervals.number_within, vars(each.covering).values()))
        for name, each in heat.items()
    ]
    header = ("task", "hottest covered (95 %)", "random covered (95 %)", "difference (95 %)")
    return Table(header, rows, 1)


def _does_it_point(heat: Mapping[str, Heat]) -> str:
    """Of which tasks the pictures say something."""
    blind = [name for name, task_heat in heat.items() if not task_heat.covering.points]
    if not blind:
        return "It falls more in every task; by how much more, the last column says."
    return (
        f"**For {' and '.join(blind)} the two do not differ beyond chance: do not trust those "
        "pictures.**"
    )


SEEN, IMPOSTORS = "trained on, other files", "never trained on"


def identity_section(identity: Identity) -> Section:
    """Rank-1, the ROC, and impostors at a gallery; or why they cannot be measured."""
    parts = {SEEN: identity.seen} | ({} if identity.closed else {IMPOSTORS: identity.impostors})
    recognitions = {name: part for name, part in parts.items() if part is not None}
    text = [
        f"By likeness alone, without the last layer of {identity.task}: what precedes it, at length "
        "one, compared by cosine. A clip meets only files (photos, videos) that it is not of; a "
        "file is the mean of its clips.",
        _which_set(identity.closed),
        *(_how(part, name) for name, part in parts.items()),
    ]
    tables = [_recognition_table(recognitions)] if recognitions else []
    if identity.open_set:
        tables.append(_open_table(identity.open_set))
    title = f"Knowing again: {identity.task}"
    if not recognitions:
        return Section(title, text, tables)
    return Section(
        title, text, tables, svg=plots.recognition(recognitions),
        caption="How alike two files of one person and of two people are, and which share of both "
        "is taken for one person as the threshold falls.",
    )  # fmt: skip


def _which_set(closed: bool) -> str:
    if closed:
        return (
            "**Everybody was seen in training: a closed set.** These figures say nothing of people "
            "that the network has never met."
        )
    return (
        f"**Open set**: impostors, people {IMPOSTORS}, were in no part of the training. What is "
        "said of them is what to expect of new people."
    )


def _how(part: recognition.Recognition | None, name: str) -> str:
    if part is None:
        return f"People {name}: **not measured**; it takes two of them with two files each."
    return (
        f"People {name}: {part.people}, in {part.files:,} files. Rank-1: one file of each person is "
        f"the gallery, in {part.gallery_count} drawings in turn; is the most similar of "
        f"{part.people} the right one? Intervals are 95 %, by a bootstrap that draws whole "
        f"{part.drawn}."
    )


def _recognition_table(recognitions: dict[str, recognition.Recognition]) -> Table:
    rows = []
    for name, part in recognitions.items():
        clips = f"{part.rank_1.n:,} clips"
        rows.append((name, f"rank-1 of {part.people}", intervals.share_within(part.rank_1), clips))
        pairs = f"{len(part.same):,} pairs of one, {len(part.different):,} of two"
        rows.append((name, "area under the ROC", intervals.share_within(part.area, 2), pairs))
        rows += [
            (name, f"pairs of one accepted, at {100 * a.rate:g} % of two (cosine {a.threshold:.3f})",
             intervals.share_within(a.accepted), pairs)
            for a in part.accepts
        ]  # fmt: skip
    return Table(("people", "figure", "value (95 %)", "n"), rows, 2)


def _open_table(open_set: OpenSet) -> Table:
    rows = [
        (f"{open_set.known_people} known, {open_set.strangers} impostors", f"{100 * point.rate:g} %",
         f"{point.threshold:.3f}", intervals.share_within(point.known),
         f"{point.known.n:,} of the known, {point.stranger_clips:,} clips of impostors")
        for point in open_set.named
    ]  # fmt: skip
    header = ("gallery of one file each", "impostors named", "threshold, cosine",
              "known named rightly (95 %)", "n")  # fmt: skip
    return Table(header, rows, 1)
