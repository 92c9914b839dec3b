"""`edge-batch compare`: both bundles over the same recordings, and a page that shows where they disagree."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from edge.bundle import Bundle
from edge.privacy.faces import FaceSearch
from edge_common import ConfigError, EdgeError, SinkError, cluster, console, document, write_whole
from edge_fleet.batch import batch as batches, command
from edge_fleet.batch.clips import Pair, StretchClip, StretchClips
from edge_fleet.batch.compare import BundleComparison, SharedTask, paired, shared_tasks, value_range
from edge_fleet.batch.parts import PartFolder
from edge_fleet.batch.recordings import RecordedFile
from edge_fleet.batch.rows import read_rows
from edge_fleet.batch.work import Job

_MOST_CHANGES = 3


def compare(
    old: str, new: str, recordings: Sequence[str], output: Path, clips: int, tolerance: float,
    blur: bool, **options: Any,
) -> None:  # fmt: skip
    """Raises EdgeError, OSError; SystemExit if not all recordings could be compared."""
    jobs = [command.make_job(name, options) for name in (old, new)]
    opened = [job.open() for job in jobs]
    jobs = _with_inputs(jobs, opened)
    shared, skipped_tasks = shared_tasks(opened[0].manifest.tasks, opened[1].manifest.tasks)
    if not shared:
        raise ConfigError(f"{old} and {new} have no task in common whose answers can be compared")
    listed = command.find_recordings(recordings, opened[0])
    folder = _make_folder(output)
    files = [folder / "old.parquet", folder / "new.parquet"]
    outcomes = []
    with cluster.connected(options["scheduler"], options["workers"]) as client:
        for job in jobs:
            parts = PartFolder(folder / "parts")
            outcomes.append(command.decide_all(client, job, listed, parts, options["quiet"]))
    for path, job, bundle, each in zip(files, jobs, opened, outcomes):
        batches.write_decisions(
            path, PartFolder(folder / "parts"), each, job, bundle.manifest.tasks
        )
    tasks = [_with_tolerance(task, files[0], tolerance) for task in shared]
    comparison = BundleComparison(tasks, opened[0].manifest.window).take(_pairs(files))
    names = _names(opened)
    clips_made = dict(
        _clips(
            comparison,
            clips,
            StretchClips(folder / "clips", tasks, names, FaceSearch() if blur else None),
            listed,
            files,
        )
    )
    sections = list(_sections(comparison, names, skipped_tasks, outcomes, clips_made, jobs[0]))
    page = document.page(f"{names[0]} and {names[1]}", sections)
    write_whole(folder / "index.html", _linked(page).encode())
    if options["as_json"]:
        console.echo(json.dumps(to_json(comparison, outcomes)))
    else:
        console.echo(document.terminal(sections[:2]))
        console.echo(f"\nreport: {folder / 'index.html'}")
    command.end([each for of_bundle in outcomes for each in of_bundle])


def _with_inputs(jobs: Sequence[Job], opened: Sequence[Bundle]) -> list[Job]:
    """Each with what its bundle takes of --input. Raises ConfigError, also if both cannot take one value."""
    taken = [{each.name: each for each in bundle.manifest.inputs} for bundle in opened]
    for name in taken[0].keys() & taken[1].keys():
        old, new = (inputs[name].amount for inputs in taken)
        if old != new:
            raise ConfigError(
                f"OLD takes {old} as '{name}' beside frames and NEW {new}, which one --input cannot be: "
                "convert one of them again"
            )
    jobs[0].options.check_inputs(list({**taken[0], **taken[1]}.values()))
    return [
        replace(job, inputs=tuple(each for each in job.inputs if each[0] in inputs))
        for job, inputs in zip(jobs, taken)
    ]


def _make_folder(output: Path) -> Path:
    """With those inside. Raises SinkError."""
    try:
        for each in (output, output / "parts", output / "clips"):
            each.mkdir(exist_ok=True)
    except OSError as error:
        raise SinkError(
            f"{output} cannot be a folder ({error.strerror}): make the folder above it, or choose another"
        ) from error
    return output


def _names(opened: Sequence[Bundle]) -> tuple[str, str]:
    """Of both, told apart."""
    old, new = (each.manifest.name for each in opened)
    return (old, new) if old != new else (f"old {old}", f"new {new}")


def _with_tolerance(task: Any, path: Path, tolerance: float) -> SharedTask:
    if task.kind != "regression":
        return SharedTask(task)
    return SharedTask(task, tolerance * value_range(read_rows(str(path)), task))


def _pairs(files: Sequence[Path]) -> Iterator[Pair]:
    old, new = (read_rows(str(path)) for path in files)
    return paired(old, new)


def _clips(
    comparison: BundleComparison, count: int, maker: StretchClips, listed: Sequence[RecordedFile],
    files: Sequence[Path],
) -> Iterator[tuple[int, StretchClip]]:  # fmt: skip
    """By the numbers of the worst stretches, from 1 on. What cannot be cut is said."""
    numbered = dict(enumerate(comparison.worst(count), 1))
    by_name = {each.name: each for each in listed}
    for source in dict.fromkeys(each.source for each in numbered.values()):
        stretches = {n: each for n, each in numbered.items() if each.source == source}
        pairs = {old["frame"]: (old, new) for old, new in _pairs(files) if old["source"] == source}
        try:
            yield from maker.make(by_name[source], stretches, pairs)
        except EdgeError as error:
            console.note(f"no clip of {source}: {error}")


def _sections(
    comparison: BundleComparison, names: tuple[str, str], skipped_tasks: Sequence[str],
    outcomes: Sequence[Sequence[batches.RecordingOutcome]], clips_made: Mapping[int, StretchClip], job: Job,
) -> Iterator[document.Section]:  # fmt: skip
    count = sum(all(each.layout and not each.problem for each in pair) for pair in zip(*outcomes))
    rows = [_row(comparison, each) for each in comparison.tasks]
    skipped = f" Not compared: {', '.join(skipped_tasks)}." if skipped_tasks else ""
    how = "resampled recordings" if count > 1 else "windows that share no frame"
    yield document.Section(
        "Disagreement",
        [
            f"{names[0]} and {names[1]} on {count} of {len(outcomes[0])} recordings. Intervals: 95 %, "
            f"over {how}.{skipped}"
        ],
        [document.Table(("task", "decisions", "differ", "95 %", "most often"), rows, words=1)],
    )
    problems = [each for of_bundle in outcomes for each in of_bundle if not each.is_whole]
    if problems:
        yield document.Section("Not compared", [command.table_of(problems, job.length)])
    worst = comparison.worst(max(clips_made, default=0))
    pictures = [
        document.Picture(
            clip.stills,
            f"{number}. {Path(clip.stretch.source).name}, {clip.stretch} "
            f"({clip.stretch.weight} answers): clips/{clip.path.name}",
            width=320,
        )
        for number, clip in sorted(clips_made.items())
    ]
    text = stretches_line(len(comparison.stretches), len(worst))
    yield document.Section("Where they disagree", [text], pictures=pictures)


def stretches_line(count: int, shown: int) -> str:
    """Before the pictures of those that are shown."""
    if not count:
        return "Nowhere."
    some = "1 stretch differs" if count == 1 else f"{count} stretches differ"
    if not shown:
        return f"{some}."
    return f"{some}:" if shown == count else f"{some}; the {shown} with most answers that do:"


def _row(comparison: BundleComparison, shared: SharedTask) -> list[str]:
    agreement = comparison.agreements[shared.task.name]
    low, high = agreement.interval(comparison.window)
    changes = [f"{a} → {b} ({n})" for (a, b), n in agreement.changes.most_common(_MOST_CHANGES)]
    tolerance = f" (by more than {shared.tolerance:.3g})" if shared.tolerance else ""
    return [
        shared.task.name + tolerance,
        str(agreement.decisions.total()),
        f"{100 * agreement.share:.2f} %",
        f"{100 * low:.2f} to {100 * high:.2f} %",
        ", ".join(changes),
    ]


def to_json(
    comparison: BundleComparison, outcomes: Sequence[Sequence[batches.RecordingOutcome]]
) -> dict[str, Any]:
    """What `--json` prints."""
    tasks = {}
    for name, each in comparison.agreements.items():
        low, high = each.interval(comparison.window)
        figures = {"share": round(each.share, 6), "low": round(low, 6), "high": round(high, 6)}
        counts = {"decisions": each.decisions.total(), "differing": each.differing.total()}
        tasks[name] = {**counts, **figures}
    worst = [
        {"source": s.source, "first": s.first, "last": s.last, "answers": s.weight}
        for s in comparison.worst(len(comparison.stretches))
    ]
    problems = [each.to_json() for of_bundle in outcomes for each in of_bundle if not each.is_whole]
    return {"tasks": tasks, "stretches": worst, "not_compared": problems}


def _linked(page: str) -> str:
    """With a link for each clip; their names are numbers."""
    return re.sub(r"\bclips/(\d+\.mp4)(?=</figcaption>)", r'<a href="clips/\1">\1</a>', page)
