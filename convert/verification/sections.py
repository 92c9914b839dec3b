"""What was measured while a bundle was made, as sections for a person to read.

`report.md` inside of the bundle holds nothing that a clock measured, so that equal input
gives an equal bundle; the HTML page beside it holds everything.
"""

import math
from collections.abc import Iterator, Mapping, Sequence

from edge import bundle, tasks
from edge_common.document import Section, Table
from edge_convert.network import TrainedNetwork
from edge_convert.precision.activations import LayerCost
from edge_convert.precision.candidates import SearchResult
from edge_convert.verification import losses
from edge_convert.verification.conversion_report import ConversionReport, WholeWindowModel

MOST_LAYERS = 12


def sections(
    manifest: bundle.Manifest,
    network: TrainedNetwork,
    report: ConversionReport,
    members: Mapping[str, bytes],
) -> list[Section]:
    """All sections, in the order of reading."""
    ordered = [
        _head(manifest, network, report),
        _cut(network),
        _parts(manifest, report, members),
        *(_search(report.search, report) if report.search else ()),
        _verification(manifest, report),
        _accuracy(manifest, report),
        _runtimes(report),
        _operators(report),
        *([_cost(report)] if report.seconds else ()),
    ]
    return ordered


def _head(manifest: bundle.Manifest, network: TrainedNetwork, report: ConversionReport) -> Section:
    spec = manifest.input
    versions = ", ".join(f"{name} {version}" for name, version in manifest.made_with.items())
    frames = f"a window of {manifest.window} frames" if manifest.window > 1 else "single frames"
    size = spec.width if spec.is_features else f"{spec.width} x {spec.height}"
    text = (
        f"Looks at {frames} of {size} {spec.preparation}; {_results(manifest)}. From {network.origin}.",
        *(f"Beside frames it takes {each.words}." for each in manifest.inputs),
        f"Made with {versions}.",
        _calibrated(manifest.calibration),
        *(f"**Warning:** {warning}." for warning in report.warnings()),
    )
    return Section("What this is", text)


def _results(manifest: bundle.Manifest) -> str:
    if manifest.detection:
        return f"finds {', '.join(manifest.detection.labels) or 'boxes'}"
    return f"tasks: {', '.join(map(_task_words, manifest.tasks))}"


def _task_words(task: tasks.Task) -> str:
    notes = [f"temperature {task.temperature:g}"] if task.temperature != 1 else []
    if rule := task.unknown:
        notes.append(f"{tasks.UNKNOWN} if {rule.by} is below {rule.threshold:g}")
    return f"{task.name} ({', '.join(notes)})" if notes else task.name


def _calibrated(calibration: bundle.Calibration) -> str:
    if not calibration.clips:
        return (
            "It came quantised and was taken as it is. There is no float network to hold its "
            "answers against, so what quantising cost is not known here."
        )
    return (
        f"Calibrated on {calibration.clips} clips ({calibration.frames} frames) "
        f"of {calibration.source}."
    )


def _cut(network: TrainedNetwork) -> Section:
    text = [f"One part: {network.uncut}."] if network.uncut else []
    return Section("The cut", text, code=network.cuts)


def _parts(
    manifest: bundle.Manifest, report: ConversionReport, members: Mapping[str, bytes]
) -> Section:
    candidates = report.search.chosen.candidates if report.search else ()
    labels = {candidate.role: candidate.recipe.label for candidate in candidates}
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


def _search(result: SearchResult, report: ConversionReport) -> Iterator[Section]:
    header = (*(a.role for a in result.chosen.candidates), "bytes", *_lost(result), "")
    rows = [
        (
            *(a.recipe.label for a in c.candidates),
            f"{c.size_bytes:,}",
            *map(losses.drop, c.drops),
            losses.verdict(c, result, report.max_drop),
        )
        for c in result.combinations
    ]
    text = (
        f"Scored on {report.search_clips}. In points against the float network, with 95 % "
        f"intervals; at most {report.max_drop:g} may be lost by any task.",
        *filter(None, (report.ranking, *_unscored(result))),
    )
    yield Section("Precision search", text, (Table(header, rows),))
    for role, costs in result.layer_costs.items():
        layers = [
            (c.layer, c.operator, f"{c.snr_db:.1f} dB", _points_alone(c))
            for c in costs[:MOST_LAYERS]
        ]
        signal = f"Signal to noise of the {role}'s worst output with this layer alone in int8."
        text = (signal, *result.obstacles(role, report.max_drop))
        header = ("layer", "operator", "signal to noise", "loses alone, points")
        title = f"What single layers of the {role} cost in int8"
        yield Section(title, text, (Table(header, layers),))
    times = [
        (a.role, a.recipe.label, f"{a.latency_ms:.3f} ms", f"{len(a.part.model):,}")
        for a in result.candidates
        if a.part
    ]
    yield Section(
        "Latency of every part",
        (f"{report.ranking or 'Median of one invocation where it was converted: LiteRT.'}",),
        (Table(("part", "precision", "latency", "bytes"), times),),
        timed=True,
    )


def _points_alone(cost: LayerCost) -> str:
    return "" if math.isnan(cost.points) else losses.points(cost.points)


def _lost(result: SearchResult) -> list[str]:
    return [f"{drop.task} loses" for drop in result.chosen.drops]


def _unscored(result: SearchResult) -> Iterator[str]:
    for candidate in result.candidates:
        if candidate.failure:
            yield f"Not scored: {candidate.role} {candidate.recipe.label}: {candidate.failure}."
    for candidates, reason in result.unscored:
        labels = " with ".join(candidate.recipe.label for candidate in candidates)
        yield f"Not scored: {labels}: {reason}."


def _verification(manifest: bundle.Manifest, report: ConversionReport) -> Section:
    differences = {
        "float parts on LiteRT against the uncut network, largest difference of a task's range": (
            report.split_difference
        ),
        "ring against whole windows, same parts, largest difference": report.ring_difference,
    }
    rows = [
        (name, f"{difference:.2g}")
        for name, difference in differences.items()
        if not math.isnan(difference)
    ]
    rows += [
        (f"{task}: with carried state against whole windows", f"{100 * share:.2f} % alike")
        for task, share in report.carried.items()
    ]
    rows += [
        (f"encoder's feature {name}, signal to noise", f"{snr_db:.1f} dB")
        for name, snr_db in report.feature_snr_db.items()
    ]
    rows += [
        (
            f"{task}: streamed against float, {report.agreement_clips} clips",
            f"{100 * share:.2f} % alike",
        )
        for task, share in report.agreement.items()
    ]
    if gate := manifest.gate:
        saved = f"{100 * gate.saved:.0f} % of encoder calls on still frames"
        rows += [
            (
                f"decisions that the motion gate changes, {gate.source}",
                f"{gate.changed} of {gate.decisions}",
            ),
            (f"what it saves, at {gate.threshold:g} grey levels", saved),
        ]
    return Section("Proofs", tables=(Table(("what", "measured"), rows),))


def _accuracy(manifest: bundle.Manifest, report: ConversionReport) -> Section:
    if not manifest.accuracy:
        return Section("Accuracy", ("Not measured: no labelled validation clips were given.",))
    rows = [(a.task, a.graph, a.metric, described(a), str(a.n), a.data) for a in manifest.accuracy]
    header = ("task", "graph", "metric", "value (95 % interval)", "n", "data")
    whole = report.whole_window
    note = "The whole window, converted by hand: not measured (give --whole-window)."
    if report.search is None:  # it was not converted at all
        note = ""
    elif whole:
        note = whole.failure and f"The whole window, converted by hand: {whole.failure}."
    return Section("Accuracy", (note,) if note else (), (Table(header, rows),))


def described(accuracy: bundle.Accuracy) -> str:
    """The figure with its interval; shares of right answers in percent."""
    scale, unit = (100.0, " %") if tasks.is_share(accuracy.metric) else (1.0, "")
    value, low, high = (scale * x for x in (accuracy.value, accuracy.low, accuracy.high))
    return f"{value:.2f}{unit} ({low:.2f} to {high:.2f})"


def _runtimes(report: ConversionReport) -> Section:
    rows = []
    for run in report.runs:
        agreement = ", ".join(
            f"{task} {100 * share:.0f} %" for task, share in run.agreement.items()
        )
        for trial in run.trials:
            golden = (agreement, f"{run.difference:.2g}") if trial.ok else ("", "")
            rows.append(
                (
                    trial.runtime,
                    trial.version,
                    trial.part,
                    ", ".join(filter(None, ("runs" * trial.ok, trial.message))),
                    *golden,
                )
            )
    header = ("runtime", "version", "part", "result", "golden decisions as on LiteRT", "difference")
    return Section("Runtimes it was tried on", tables=(Table(header, rows),))


def _operators(report: ConversionReport) -> Section:
    text = [f"{file}: {_listed(operators)}." for file, operators in report.operators.items()]
    for file, unsupported in report.outside_xnnpack.items():
        delegated = (
            f"{sum(unsupported.values())} not taken by XNNPACK: {_listed(unsupported)}"
            if unsupported
            else "all taken by XNNPACK"
        )
        text.append(f"{file}: {delegated}.")
    return Section("Operators", text)


def _listed(operators: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in operators.items())


def _cost(report: ConversionReport) -> Section:
    rows = [(step, f"{seconds:.1f}") for step, seconds in report.seconds.items()]
    rows.append(("together", f"{sum(report.seconds.values()):.1f}"))
    text = [f"Peak memory, child processes included: {report.peak_memory_bytes / 1e9:.2f} GB."]
    if report.whole_window and not report.whole_window.failure:
        text.append(_with_converter_alone(report.whole_window, sum(report.seconds.values())))
    return Section(
        "Time and memory of the conversion", text, (Table(("step", "seconds"), rows),), timed=True
    )


def _with_converter_alone(whole: WholeWindowModel, together_s: float) -> str:
    own_s = together_s - whole.seconds
    return (
        "The whole window, converted by hand (one int8 graph by TFLite's own converter): "
        f"{whole.seconds:.1f} s, {whole.seconds / own_s:.1f} x the {own_s:.1f} s that all the rest "
        f"took; {whole.operators:,} operators, {whole.size_bytes:,} bytes, "
        f"{whole.latency_ms:.2f} ms a window."
    )


def untimed(every: Sequence[Section]) -> list[Section]:
    """The sections that are the same at every run."""
    return [section for section in every if not section.timed]
