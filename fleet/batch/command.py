"""What `edge-batch` does once its options are read."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from edge import bundle as bundles, shipped, sources
from edge.commands.scene_options import PeopleOptions
from edge.events.alert import Alert
from edge.privacy import sensitive
from edge_common import (
    BundleError,
    EdgeError,
    SinkError,
    can_be_written,
    cluster,
    console,
    only_writer,
)
from edge_fleet.batch import batch as batches, events as judging, recordings as listing
from edge_fleet.batch.parts import PartFolder
from edge_fleet.batch.work import Job

_NOT_ALL = 1  # exit code if some recording was not decided on, or not all of one


def run(
    bundle: str, recordings: Sequence[str], output: Path, config: Path | None, events: Path | None,
    people: PeopleOptions, vectors: bool, **options: Any,
) -> None:  # fmt: skip
    """Raises EdgeError, click.UsageError; SystemExit if not all was decided."""
    if bool(config) != bool(events):
        raise click.UsageError("--config FILE and --events FILE go together")
    if people.budget_ms is not None:
        raise click.UsageError("--budget-ms is of live sources: recordings wait")
    people.refuse_without_detector()
    for path in filter(None, (output, events)):
        require_place(path)
    job = make_job(bundle, options, people, vectors)
    opened = job.open()
    job.options.check_inputs(opened.manifest.inputs)
    alerts = _alerts(config, opened, people)
    listed = find_recordings(recordings, opened)
    for alert in alerts:
        alert.fit_sources([each.name for each in listed])
    _refuse_overwriting([bundle, *(each.url for each in listed)], [output, *filter(None, [events])])
    with only_writer(output):
        parts = parts_beside(output)
        with cluster.connected(options["scheduler"], options["workers"]) as client:
            outcomes = decide_all(client, job, listed, parts, options["quiet"])
        batches.write_decisions(output, parts, outcomes, job, opened.manifest.tasks)
        count = judging.write_events(events, output, alerts, opened) if events else None
    _report(outcomes, job.length, {"output": str(output), "events": count}, options["as_json"])
    end(outcomes)


def make_job(
    bundle: str, options: dict[str, Any], people: PeopleOptions = PeopleOptions(), vectors: bool = False
) -> Job:  # fmt: skip
    """What is to be done; its inputs are to be checked yet.

    Raises EdgeError if it is no bundle, or one option is not for it.
    """
    if shipped.is_plain_tflite(bundle):
        raise BundleError(
            f"{bundle} is a plain .tflite: make a bundle of it with edge-convert first"
        )
    path = shipped.find_bundle(bundle)
    content = path.read_bytes()
    whole = bundles.open_bundle(path, content=content)
    _, withheld = sensitive.permitted(whole, options["allow_sensitive"])
    if withheld:
        console.note(sensitive.note_of(withheld))
    detector = b"".join(each.read_bytes() for each in people.files if each.is_file())
    job = Job(
        whole.sha256,
        content,
        options["runtime"],
        options["hop"],
        options["rate"],
        options["region"],
        not options["no_gate"],
        options["allow_sensitive"],
        vectors,
        people,
        hashlib.sha256(detector).hexdigest() if detector else "",
        options["chunk_frames"],
        tuple(sorted(options["inputs"])),  # in any order they are the same
    )
    if people and job.region != "full":
        raise click.UsageError("--region goes without --detector, which looks at each person")
    if people:
        people.open(job.options)
    return job


def find_recordings(texts: Sequence[str], opened: bundles.Bundle) -> list[listing.RecordedFile]:
    """Raises SourceError if a text leads to none."""
    if opened.manifest.input.is_features:
        return listing.find(texts, sources.VECTOR_SUFFIXES)
    return listing.find(texts)


def decide_all(
    client: Any, job: Job, listed: Sequence[listing.RecordedFile], parts: PartFolder, quiet: bool
) -> list[batches.RecordingOutcome]:
    """Decide on all recordings, with progress on stderr. Raises ConfigError, OSError."""
    progress = console.Progress(quiet)
    workers = len(client.scheduler_info(n_workers=-1)["workers"])
    size = console.megabytes(sum(each.size_bytes for each in listed))
    progress.say(f"{len(listed)} recordings, {size}, {workers} workers; progress in MB")
    with progress.steps() as on_step:
        return batches.BatchRun(client, job, parts, on_step).run(listed)


def parts_beside(output: Path) -> PartFolder:
    """Which goes on with what is there. Raises OSError."""
    folder = output.with_name(f"{output.name}.parts")
    folder.mkdir(exist_ok=True)
    return PartFolder(folder)


def require_place(path: Path) -> None:
    """Raises SinkError if no file can stand there."""
    if not can_be_written(path):
        raise SinkError(
            f"{path} cannot be written: make the folder {path.absolute().parent}, or choose another"
        )


def end(outcomes: Sequence[batches.RecordingOutcome]) -> None:
    """Raises SystemExit if not all was decided."""
    if not all(each.is_whole for each in outcomes):
        raise SystemExit(_NOT_ALL)


def table_of(outcomes: Sequence[batches.RecordingOutcome], length: int) -> str:
    """A line for each recording that is not whole, or is one chunk though it is long; and a sum.

    length: frames of a chunk.
    """
    rows = [[each.recording.name, text] for each in outcomes if (text := _remark(each, length))]
    count, decisions = len(outcomes), sum(each.decisions for each in outcomes)
    problems = sum(bool(each.problem) for each in outcomes)
    total = (
        f"{count - problems} of {count} recordings, {sum(e.frames for e in outcomes)} frames, "
        f"{decisions} decisions"
    )
    table = console.text_table(["recording", "remark"], rows, (0, 1)) if rows else ""
    return "\n\n".join(filter(None, [table, total]))


def _remark(outcome: batches.RecordingOutcome, length: int) -> str:
    if outcome.problem:
        return f"not decided: {outcome.problem}"
    is_long = outcome.frames > 1.5 * length
    reason = outcome.layout.reason if outcome.layout and is_long else ""
    return outcome.warning or (f"one chunk: {reason}" if reason else "")


def _report(
    outcomes: Sequence[batches.RecordingOutcome], length: int, fields: dict[str, Any], as_json: bool
) -> None:
    if as_json:
        recordings = [each.to_json() for each in outcomes]
        console.echo(json.dumps({**fields, "recordings": recordings}))
        return
    console.echo(table_of(outcomes, length))
    console.echo(f"decisions: {fields['output']}")
    if fields["events"] is not None:
        console.echo(f"events: {fields['events']} lines")


def _alerts(config: Path | None, opened: bundles.Bundle, people: PeopleOptions) -> Sequence[Alert]:
    """Of a settings file. Raises ConfigError."""
    if config is None:
        return ()
    from edge.cli import main
    from edge.commands import settings

    alerts = settings.read(config, main, click.Context(main)).alerts
    if not alerts:
        raise EdgeError(f"{config}: has no [[alert]] to judge by")
    zones = [zone.name for zone in people.areas[0]]
    judging.check(alerts, opened, zones, bool(people))
    return alerts


def _refuse_overwriting(inputs: Sequence[str], outputs: Sequence[Path]) -> None:
    occupied = {Path(name).resolve() for name in inputs}
    for path in outputs:
        if path.resolve() in occupied:
            raise SinkError(f"{path} is given twice: give every output a name of its own")
        occupied.add(path.resolve())
