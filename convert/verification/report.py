"""What was measured while a bundle was made, as sections for a person to read.

`report.md` inside of the bundle holds nothing that a clock said, so that equal input
gives an equal bundle; the HTML page beside it holds everything.
"""

import math
from collections.abc import Iterator, Mapping, Sequence

from edge.bundle.manifest import Accuracy, Calibration, Manifest
from edge.tasks import is_share
from edge_common.document import Section, Table
from edge_convert.network import Network
from edge_convert.precision.found import Combination, Found
from edge_convert.verification.evidence import Evidence, WholeWindow

MOST_LAYERS = 12


def sections(
    manifest: Manifest, network: Network, evidence: Evidence, members: Mapping[str, bytes]
) -> list[Section]:
    """All sections, in the order of reading."""
    found = [
        _head(manifest, network, evidence),
        _cut(network),
        _parts(manifest, evidence, members),
        *(_search(evidence) if evidence.search else ()),
        _proofs(manifest, evidence),
        _accuracy(manifest, evidence),
        _runtimes(evidence),
        _operators(evidence),
        *([_cost(evidence)] if evidence.seconds else ()),
    ]
    return found


def _head(manifest: Manifest, network: Network, evidence: Evidence) -> Section:
    spec = manifest.input
    made = ", ".join(f"{name} {version}" for name, version in manifest.made_with.items())
    frames = f"a window of {manifest.window} frames" if manifest.window > 1 else "single frames"
    text = (
        f"Looks at {frames} of {spec.width} x {spec.height} {spec.colour_order}; "
        f"tasks: {', '.join(task.name for task in manifest.tasks)}. From {network.origin}.",
        f"Made with {made}.",
        _calibrated(manifest.calibration),
        *(f"**Warning:** {doubt}." for doubt in evidence.doubts()),
    )
    return Section("What this is", text)


def _calibrated(calibration: Calibration) -> str:
    if not calibration.clips:
        return (
            "It came quantised and was taken as it is. There is no float network to hold its "
            "answers against, so what quantising cost is not known here."
        )
    return (
        f"Calibrated on {calibration.clips} clips ({calibration.frames} frames) "
        f"of {calibration.source}."
    )


def _cut(network: Network) -> Section:
    text = [f"One part: {network.uncut}."] if network.uncut else []
    return Section("The cut", text, code=network.cuts)


def _parts(manifest: Manifest, evidence: Evidence, members: Mapping[str, bytes]) -> Section:
    attempts = evidence.search.chosen.attempts if evidence.search else ()
    labels = {attempt.role: attempt.recipe.label for attempt in attempts}
    header = ("part", "precision", "parameters", "multiply-adds", "bytes")
    rows = [
        (
            p.role,
            labels.get(p.role, p.precision),
            f"{p.parameters:,}",
            f"{p.multiply_adds:,}",
            f"{len(members[p.file]):,}",
        )
        for p in manifest.parts
    ]
    return Section("Parts", tables=(Table(header, rows),))


def _search(evidence: Evidence) -> Iterator[Section]:
    found = evidence.search
    header = (*(a.role for a in found.chosen.attempts), "bytes", *_lost(found), "")
    rows = [
        (
            *(a.recipe.label for a in c.attempts),
            f"{c.size_bytes:,}",
            *(f"{points(d.points)} ({points(d.low)} to {points(d.high)})" for d in c.drops),
            verdict(c, found, evidence.max_drop),
        )
        for c in found.combinations
    ]
    text = (
        f"Scored on {evidence.search_clips}. In points against the float network, with 95 % "
        f"intervals; at most {evidence.max_drop:g} may be lost by any task.",
        *_unscored(found),
    )
    yield Section("Precision search", text, (Table(header, rows),))
    for role, costs in found.layer_costs.items():
        layers = [(c.layer, c.operator, f"{c.snr_db:.1f} dB") for c in costs[:MOST_LAYERS]]
        yield Section(
            f"What single layers of the {role} cost in int8",
            (f"Signal to noise of the {role}'s worst output with this layer alone in int8.",),
            (Table(("layer", "operator", "signal to noise"), layers),),
        )
    times = [
        (a.role, a.recipe.label, f"{a.latency_ms:.3f} ms", f"{len(a.part.model):,}")
        for a in found.attempts
        if a.part
    ]
    yield Section(
        "Latency of every part",
        ("Median of one invocation on the machine that converted: LiteRT, one thread.",),
        (Table(("part", "precision", "latency", "bytes"), times),),
        timed=True,
    )


def verdict(combination: Combination, found: Found, max_drop: float) -> str:
    """What became of a combination."""
    if combination is found.chosen:
        return "**chosen**"
    return "" if combination.worst <= max_drop else "loses too much"


def _lost(found: Found) -> list[str]:
    return [f"{drop.task} loses" for drop in found.chosen.drops]


def _unscored(found: Found) -> Iterator[str]:
    for attempt in found.attempts:
        if attempt.failure:
            yield f"Not scored: {attempt.role} {attempt.recipe.label}: {attempt.failure}."
    for attempts, reason in found.refused:
        labels = " with ".join(attempt.recipe.label for attempt in attempts)
        yield f"Not scored: {labels}: {reason}."


def points(value: float) -> str:
    """Two places, and no minus before a zero."""
    shown = f"{value:.2f}"
    return "0.00" if shown == "-0.00" else shown


def _proofs(manifest: Manifest, evidence: Evidence) -> Section:
    differences = {
        "float parts on LiteRT against the uncut network, largest relative difference": (
            evidence.split_difference
        ),
        "ring against whole windows, same parts, largest difference": evidence.ring_difference,
    }
    rows = [(what, f"{off:.2g}") for what, off in differences.items() if not math.isnan(off)]
    rows += [
        (f"encoder's feature {name}, signal to noise", f"{snr_db:.1f} dB")
        for name, snr_db in evidence.feature_snr_db.items()
    ]
    rows += [
        (
            f"{task}: streamed against float, {evidence.agreement_clips} clips",
            f"{100 * share:.2f} % alike",
        )
        for task, share in evidence.agreement.items()
    ]
    return Section("Proofs", tables=(Table(("what", "measured"), rows),))


def _accuracy(manifest: Manifest, evidence: Evidence) -> Section:
    if not manifest.accuracy:
        return Section("Accuracy", ("Not measured: no labelled validation clips were given.",))
    rows = [(a.task, a.graph, a.metric, described(a), str(a.n), a.data) for a in manifest.accuracy]
    header = ("task", "graph", "metric", "value (95 % interval)", "n", "data")
    whole = evidence.whole_window
    note = "The whole window, converted by hand: not measured (give --whole-window)."
    if evidence.search is None:  # it was not converted at all
        note = ""
    elif whole:
        note = whole.failure and f"The whole window, converted by hand: {whole.failure}."
    return Section("Accuracy", (note,) if note else (), (Table(header, rows),))


def described(accuracy: Accuracy) -> str:
    """The figure with its interval; shares of right answers in percent."""
    scale, unit = (100.0, " %") if is_share(accuracy.metric) else (1.0, "")
    value, low, high = (scale * x for x in (accuracy.value, accuracy.low, accuracy.high))
    return f"{value:.2f}{unit} ({low:.2f} to {high:.2f})"


def _runtimes(evidence: Evidence) -> Section:
    rows = []
    for run in evidence.runs:
        alike = ", ".join(f"{task} {100 * share:.0f} %" for task, share in run.alike.items())
        for trial in run.trials:
            shown = (alike, f"{run.difference:.2g}") if trial.ok else ("", "")
            rows.append(
                (
                    trial.runtime,
                    trial.version,
                    trial.part,
                    ", ".join(filter(None, ("runs" * trial.ok, trial.message))),
                    *shown,
                )
            )
    header = ("runtime", "version", "part", "result", "golden decisions as on LiteRT", "difference")
    return Section("Runtimes it was tried on", tables=(Table(header, rows),))


def _operators(evidence: Evidence) -> Section:
    text = [f"{file}: {_listed(operators)}." for file, operators in evidence.operators.items()]
    for file, left in evidence.left_over.items():
        taken = (
            f"{sum(left.values())} not taken by XNNPACK: {_listed(left)}"
            if left
            else "all taken by XNNPACK"
        )
        text.append(f"{file}: {taken}.")
    return Section("Operators", text)


def _listed(operators: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in operators.items())


def _cost(evidence: Evidence) -> Section:
    rows = [(step, f"{seconds:.1f}") for step, seconds in evidence.seconds.items()]
    rows.append(("together", f"{sum(evidence.seconds.values()):.1f}"))
    text = [f"Peak memory, child processes included: {evidence.peak_memory_bytes / 1e9:.2f} GB."]
    if evidence.whole_window and not evidence.whole_window.failure:
        text.append(_by_hand(evidence.whole_window, sum(evidence.seconds.values())))
    return Section(
        "Time and memory of the conversion", text, (Table(("step", "seconds"), rows),), timed=True
    )


def _by_hand(whole: WholeWindow, together_s: float) -> str:
    own_s = together_s - whole.seconds
    return (
        "The whole window, converted by hand (one int8 graph by TFLite's own converter): "
        f"{whole.seconds:.1f} s, {whole.seconds / own_s:.1f} x the {own_s:.1f} s that all the rest "
        f"took; {whole.operators:,} operators, {whole.size_bytes:,} bytes, "
        f"{whole.latency_ms:.2f} ms a window."
    )


def untimed(found: Sequence[Section]) -> list[Section]:
    """The sections that are the same at every run."""
    return [section for section in found if not section.timed]
