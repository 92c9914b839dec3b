"""The table of all members, as Markdown and JSON; what was not trained is named as missing."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from edge_common import write_whole
from edge_models.evaluation import history, intervals, report
from examples.document_figures import markdown_table
from examples.miracl import answers, figures
from examples.miracl.plan import FoldRun, QuestionPlan
from examples.sweep import training
from examples.sweep.figures import read_json

TOGETHER, ALONE = "both", {"utterance": "utterance-alone", "person": "person-alone"}
KINDS = ("words", "phrases", "all")
MARKS = ("<!-- figures: make miracl -->", "<!-- end of miracl -->")


@dataclass(frozen=True)
class MemberRow:
    """What is known of one member; "all": of 20 utterances.

    Attributes:
        shares: of each precision, by what was asked.
        changed: int8 less float, of the same clips.
        gain: of both tasks at once less each alone, in float, of the same clips.
        hours: that its trainings took, on this machine as it was.
        missing: names of trainings that are not there.
    """

    name: str
    about: str
    parameters: int | None
    bundle_bytes: int | None
    shortest_ms: float | None
    hours: float
    shares: dict[str, figures.Shares] = field(default_factory=dict)
    changed: figures.Shares = field(default_factory=dict)
    together: figures.Shares = field(default_factory=dict)
    gain: figures.Shares = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)


def write(plan: QuestionPlan, folder: Path, data: Path, processes: int) -> str:
    """Write miracl.md and miracl.json; the Markdown."""
    index = figures.read_index(data)
    baseline = figures.pixel_baseline(data, index, plan.runs[0].training.training.network.window)
    members = [member_row(plan, name, folder, index, processes) for name in plan.members]
    text = as_markdown(plan.name, members, baseline, index)
    content = {"name": plan.name, "members": members, "pixels": baseline}
    write_whole(
        folder / "miracl.json", (json.dumps(content, indent=2, default=asdict) + "\n").encode()
    )
    write_whole(folder / "miracl.md", text.encode())
    return text


def member_row(
    plan: QuestionPlan, name: str, folder: Path, index: figures.ClipIndex, processes: int
) -> MemberRow:
    """All that the folders of a member's trainings hold."""
    runs = plan.select([name])
    kept = {run.training.name: answers.read(run, folder) for run in runs}
    shares: dict[str, figures.Shares] = {}
    for precision in ("float", "int8"):
        said = _folds(plan, kept, name, "utterance", "utterance")
        shares[precision] = figures.of_utterances(said, index, precision) if said else {}
        for person in _folds(plan, kept, name, "person", "person"):
            right = person.right(precision)
            shares[precision]["person"] = figures.share(right, person.truth["person"])
    there = [run for run in runs if kept[run.training.name]]
    own = folder / there[0].training.name if there else None
    if own:
        training.time_all([own], processes, again=False)
    facts = [_report(folder, run) for run in there]
    return MemberRow(
        name, plan.members[name],
        parameters=facts[0]["parameters"]["total"] if facts else None,
        bundle_bytes=(own / training.BUNDLE).stat().st_size if own else None,
        shortest_ms=_shortest_ms(own) if own else None,
        hours=sum(sum(report["seconds"].values()) for report in facts) / 3600,
        shares=shares, changed=_changed(plan, kept, name), **_both(plan, kept, name),
        missing=[run.training.name for run in runs if not kept[run.training.name]],
    )  # fmt: skip


Kept = dict[str, dict[str, answers.RunAnswers]]


def _folds(
    plan: QuestionPlan, kept: Kept, member: str, question: str, task: str
) -> list[answers.RunAnswers]:
    if question not in [each.name for each in plan.questions]:
        return []
    runs = [kept[run.training.name] for run in plan.select([member], [question])]
    return [by_task[task] for by_task in runs if task in by_task]


def _changed(plan: QuestionPlan, kept: Kept, member: str) -> figures.Shares:
    result = {}
    for task, name in (("utterance", "all"), ("person", "person")):
        if folds := _folds(plan, kept, member, task, task):
            int8, right = (
                figures.joined_right(folds, precision) for precision in ("int8", "float")
            )
            result[name] = figures.difference(int8, right, _people(folds))
    return result


def _both(plan: QuestionPlan, kept: Kept, member: str) -> dict[str, figures.Shares]:
    """Of the folds in which both tasks were learnt at once, and each alone."""
    together: figures.Shares = {}
    gain: figures.Shares = {}
    for task, question in ALONE.items():
        if not {question, TOGETHER} <= {each.name for each in plan.questions}:
            continue
        pairs = [
            (kept[first.training.name][task], kept[second.training.name][task])
            for first, second in zip(plan.select([member], [TOGETHER]), plan.select([member], [question]))
            if kept[first.training.name] and kept[second.training.name]
        ]  # fmt: skip
        if pairs:
            both, alone = ([pair[i] for pair in pairs] for i in (0, 1))
            right, other = (figures.joined_right(folds, "float") for folds in (both, alone))
            together[task] = figures.share(right, _people(both))
            gain[task] = figures.difference(right, other, _people(both))
    return {"together": together, "gain": gain}


def _people(folds: Sequence[answers.RunAnswers]) -> np.ndarray:
    return np.concatenate([fold.truth["person"] for fold in folds])


def _report(folder: Path, run: FoldRun) -> dict:
    own = report.report_folder(folder / run.training.name / training.MODEL)
    return read_json(own / history.REPORT)


def _shortest_ms(own: Path) -> float:
    return float(np.median(read_json(own / training.TIMING)["process_floors_ms"]))


def as_markdown(
    title: str,
    members: Sequence[MemberRow],
    baseline: dict[str, figures.Shares],
    index: figures.ClipIndex,
) -> str:
    """What the members are, what they answer, and what is missing."""
    about = [f"* {row.name}: {row.about}" for row in members]
    parts = [
        f"**{title}**",
        "\n".join(about),
        _accuracies(members, baseline, index),
        _costs(members),
    ]
    if any(row.together for row in members):
        parts.append(_together(members))
    missing = [f"* {row.name}: {_by_question(row)}" for row in members if row.missing]
    if missing:
        parts.append("Not trained, or not converted yet:\n\n" + "\n".join(missing))
    return "\n\n".join(parts) + "\n"


def _by_question(row: MemberRow) -> str:
    """What is missing of a member: `both (5 folds), person`."""
    runs = [name.removeprefix(f"{row.name}-") for name in row.missing]
    folds = Counter(re.sub(r"-\d+$", "", run) for run in runs)
    return ", ".join(
        question if question in runs else f"{question} ({count} fold{'s' * (count > 1)})"
        for question, count in folds.items()
    )


def _accuracies(
    members: Sequence[MemberRow], baseline: dict[str, figures.Shares], index: figures.ClipIndex
) -> str:
    columns = (*KINDS, "person")
    head = ["network", "words, of 10", "phrases, of 10", "utterances, of 20", "person, of 15"]
    counts = [len(index.labels("words")), len(index.labels("phrases")), len(set(index.utterance))]
    most = [_majority(index.utterance[index.kind == kind]) for kind in KINDS[:2]]
    most += [_majority(index.utterance), _majority(index.person[index.kind == "phrases"])]
    for at, count in enumerate((*counts, len(set(index.person))), 1):
        head[at] = f"{head[at].split(',')[0]}, of {count}"
    pixels = {**baseline["utterance"], **baseline["person"]}
    rows = [["most frequent answer", *(f"{share:.1%}" for share in most)]]
    rows.append(["nearest clip by pixels", *(_cell(pixels.get(c)) for c in columns)])
    for row in members:
        for precision in ("float", "int8"):
            shares = row.shares[precision]
            if shares:
                rows.append([f"{row.name}, {precision}", *(_cell(shares.get(c)) for c in columns)])
    return markdown_table(head, rows)


def _majority(labels: np.ndarray) -> float:
    return float(np.unique(labels, return_counts=True)[1].max() / len(labels))


def _costs(members: Sequence[MemberRow]) -> str:
    head = ["network", "parameters", "file, int8", "ms a frame here, int8", "int8 less float, utterances",
            "int8 less float, person", "hours of training"]  # fmt: skip
    rows = [
        [row.name, f"{row.parameters / 1e6:.2f} M", f"{(row.bundle_bytes or 0) / 1e6:.2f} MB",
         f"{row.shortest_ms:.3f}", _points(row.changed.get("all")), _points(row.changed.get("person")),
         f"{row.hours:.2f}"]
        for row in members if row.parameters
    ]  # fmt: skip
    return markdown_table(head, rows)


def _together(members: Sequence[MemberRow]) -> str:
    head = ["network, both tasks at once", "words of unseen people", "less the task alone",
            "person, by phrases", "less the task alone"]  # fmt: skip
    rows = [
        [row.name, *(text for task in ALONE for text in _pair(row, task))]
        for row in members if row.together
    ]  # fmt: skip
    return markdown_table(head, rows)


def _pair(row: MemberRow, task: str) -> tuple[str, str]:
    return _cell(row.together.get(task)), _points(row.gain.get(task))


def _cell(share: figures.Share | None) -> str:
    """`71.2 % (68.8 to 73.4; by person 65.0 to 77.1), n = 1,500`."""
    if share is None:
        return intervals.NONE
    clips = f"{_bounds(share.interval)}; " if share.interval else ""
    return f"{share.value:.1%} ({clips}by person {_bounds(share.by_person)}), n = {share.n:,}"


def _points(share: figures.Share | None) -> str:
    if share is None:
        return intervals.NONE
    low, high = (100 * bound for bound in share.by_person)
    return f"{100 * share.value:+.2f} [{low:+.2f}, {high:+.2f}]"


def _bounds(interval: tuple[float, float]) -> str:
    return f"{100 * interval[0]:.1f} to {100 * interval[1]:.1f}"
