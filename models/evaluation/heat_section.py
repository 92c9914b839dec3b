"""The page's section on where the network looks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edge_common.document import Picture, Section, Table
from edge_models.evaluation.cells import number_within
from edge_models.evaluation.gradcam import Covering


@dataclass(frozen=True)
class Heat:
    """What speaks for one task's answers, and whether that matters."""

    pictures: Sequence[Picture]
    covering: Covering


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
        Section(f"What speaks for {name}", pictures=one.pictures, level=3)
        for name, one in heat.items()
    ]
    return [Section("Where it looks", text, [_covering_table(heat)]), *parts]


def _covering_table(heat: Mapping[str, Heat]) -> Table:
    rows = [(name, *map(number_within, vars(one.covering).values())) for name, one in heat.items()]
    header = ("task", "hottest covered (95 %)", "random covered (95 %)", "difference (95 %)")
    return Table(header, rows, 1)


def _does_it_point(heat: Mapping[str, Heat]) -> str:
    """Of which tasks the pictures say something."""
    blind = [name for name, one in heat.items() if not one.covering.points]
    if not blind:
        return "It falls more in every task; by how much more, the last column says."
    return (
        f"**For {' and '.join(blind)} the two do not differ beyond chance: do not trust those "
        "pictures.**"
    )
