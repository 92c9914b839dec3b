"""report.md: what was measured while a bundle was made, for a person to read."""

from collections.abc import Iterator, Mapping, Sequence

from convert.evidence import Evidence
from edge.manifest import Manifest


def report(manifest: Manifest, evidence: Evidence, members: Mapping[str, bytes]) -> str:
    """The report as Markdown."""
    sections = (
        _head(manifest),
        _doubts(evidence),
        _cut(evidence),
        _parts(manifest, evidence, members),
        _proofs(evidence),
        _precision(evidence),
        _accuracy(manifest, evidence),
        _runtimes(manifest),
        _operators(evidence),
        _seconds(evidence),
    )
    return "\n".join(line for section in sections for line in section)


def _head(manifest: Manifest) -> Iterator[str]:
    spec = manifest.input
    made = ", ".join(f"{name} {version}" for name, version in manifest.made_with.items())
    yield f"# {manifest.name}\n"
    yield (
        f"A window of {manifest.window} frames of {spec.width} x {spec.height} {spec.colour_order}; "
        f"tasks: {', '.join(task.name for task in manifest.tasks)}. Made with {made}.\n"
    )
    yield (
        f"Calibrated on {manifest.calibration.clips} clips ({manifest.calibration.frames} frames) "
        f"of {manifest.calibration.source}.\n"
    )


def _doubts(evidence: Evidence) -> Iterator[str]:
    for doubt in evidence.doubts():
        yield f"**Warning:** {doubt}.\n"


def _cut(evidence: Evidence) -> Iterator[str]:
    yield "## The cut\n"
    yield f"```\n{evidence.cuts}\n```\n"


def _parts(manifest: Manifest, evidence: Evidence, members: Mapping[str, bytes]) -> Iterator[str]:
    yield "## Parts\n"
    rows = [
        (
            p.role,
            p.precision,
            f"{p.parameters:,}",
            f"{p.multiply_adds:,}",
            f"{len(members[p.file]):,}",
        )
        for p in manifest.parts
    ]
    yield from _table(("part", "precision", "parameters", "multiply-adds", "bytes"), rows)


def _proofs(evidence: Evidence) -> Iterator[str]:
    yield "## Proofs\n"
    rows = [
        (
            "two float parts against the uncut network, largest relative difference",
            f"{evidence.split_difference:.2g}",
        ),
        (
            "ring against whole windows, same parts, largest difference",
            f"{evidence.ring_difference:.2g}",
        ),
    ]
    for name, snr_db in evidence.feature_snr_db.items():
        rows.append((f"int8 encoder's feature {name}, signal to noise", f"{snr_db:.1f} dB"))
    for task, share in evidence.agreement.items():
        rows.append(
            (
                f"{task}: streamed against float, {evidence.agreement_clips} clips",
                f"{100 * share:.2f} % alike",
            )
        )
    yield from _table(("what", "measured"), rows)


def _precision(evidence: Evidence) -> Iterator[str]:
    yield "## The head's precision\n"
    rows = [
        (
            r.precision,
            "-" if r.agreement is None else f"{100 * r.agreement:.2f} %",
            f"{r.size_bytes:,}",
            r.failure,
        )
        for r in evidence.rungs
    ]
    yield from _table(("precision", "decides as float", "bytes", "failure"), rows)


def _accuracy(manifest: Manifest, evidence: Evidence) -> Iterator[str]:
    yield "## Accuracy\n"
    if not manifest.accuracy:
        yield "Not measured: no labelled validation clips were given.\n"
        return
    rows = [
        (a.task, a.graph, a.metric, f"{a.value:.4f}", str(a.n), a.data) for a in manifest.accuracy
    ]
    yield from _table(("task", "graph", "metric", "value", "n", "data"), rows)


def _runtimes(manifest: Manifest) -> Iterator[str]:
    yield "## Runtimes it was tried on\n"
    rows = [(t.runtime, t.version, t.part, "runs" if t.ok else t.message) for t in manifest.trials]
    yield from _table(("runtime", "version", "part", "result"), rows)


def _operators(evidence: Evidence) -> Iterator[str]:
    yield "## Operators\n"
    for file, operators in evidence.operators.items():
        listed = ", ".join(f"{count} {name}" for name, count in operators.items())
        yield f"{file}: {listed}.\n"


def _seconds(evidence: Evidence) -> Iterator[str]:
    yield "## Time\n"
    yield from _table(
        ("step", "seconds"), [(step, f"{s:.1f}") for step, s in evidence.seconds.items()]
    )


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield "| " + " | ".join(header) + " |"
    yield "|" + " --- |" * len(header)
    for row in rows:
        yield "| " + " | ".join(row) + " |"
    yield ""
