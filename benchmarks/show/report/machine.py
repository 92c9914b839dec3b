"""Sections on the parts of one record: roofline, operators, other engines, cross-check."""

from collections.abc import Iterator

from edge_benchmarks.inside.profile.figures import OperatorTime, PartProfile
from edge_benchmarks.judge.cells import NOT_MEASURED
from edge_benchmarks.record.record import EngineRecord, Record
from edge_benchmarks.show.report.cells import number, percent, threads, within
from edge_common.document import Section, Table

ROOFLINE, PROFILE, CROSS_CHECK = "Roofline", "Operators", "Cross-check of the timing"
ENGINES = "Other engines"
TOP = 10


def machine_sections(record: Record) -> Iterator[Section]:
    """Those that the record holds figures for."""
    if record.roof and record.roofline:
        yield _roofline(record)
    if record.profiles:
        yield _profiles(record)
    if record.engines:
        yield _engines(record)
    if record.cross_check:
        yield _cross_check(record)


def _roofline(record: Record) -> Section:
    header = (
        "part", "bound by", "operations a byte", "1e9 operations/s", "of the peak", "of its roof",
    )  # fmt: skip
    rows = [
        (
            f"{role} ({point.precision}, {threads(point.threads)})",
            point.bound,
            number(point.intensity),
            number(point.gops),
            percent(point.share_of_peak),
            percent(point.share_of_roof),
        )
        for role, point in record.roofline.items()
    ]
    roofs = [
        (f"peak, {peak.precision}, {threads(peak.threads)}", f"{number(peak.gops)} G operations/s")
        for peak in record.roof.peaks
    ]
    roofs += [
        (f"memory, {threads(b.threads)}", f"{number(b.best_gb_s)} GB/s")
        for b in record.roof.bandwidths
    ]
    return Section(
        ROOFLINE,
        ("Roofs as measured on this machine: matrix products in the same engine, and STREAM.",),
        (Table(header, rows, words=2), Table(("roof", "measured"), roofs, words=1)),
        caption="A part above the slope of the memory works out of the caches.",
        level=3,
    )


def _profiles(record: Record) -> Section:
    text, tables = [], []
    for role, profile in record.profiles.items():
        text.append(_closing(role, profile))
        tables += [_kinds(role, profile), _operators(role, profile)]
    return Section(PROFILE, text, tables, level=3)


def _closing(role: str, profile: PartProfile) -> str:
    return (
        f"{role}: {len(profile.operators)} operators take {number(profile.sum_ms)} ms of "
        f"{number(profile.whole_ms)} ms ({profile.residual:+.1%} left over); {profile.runs} runs "
        f"with {profile.method}, {threads(profile.threads)}."
    )


def _kinds(role: str, profile: PartProfile) -> Table:
    rows = [
        (k.kind, str(k.count), f"{k.multiply_adds / 1e6:.2f}", number(k.ms), percent(k.share))
        for k in profile.kinds[:TOP]
    ]
    header = (f"{role}: kind of operator", "count", "M multiply-adds", "ms", "share")
    return Table(header, rows, words=1)


def _operators(role: str, profile: PartProfile) -> Table:
    header = (
        f"{role}: slowest operators", "kernel", "output", "M multiply-adds", "ms", "share",
    )  # fmt: skip
    return Table(header, [_operator(found) for found in profile.slowest(TOP)], words=2)


def _operator(found: OperatorTime) -> tuple[str, ...]:
    return (
        f"{found.index} {found.operator}",
        found.kernel if found.delegated else f"{found.kernel} (not delegated)",
        " x ".join(map(str, found.shape)),
        f"{found.multiply_adds / 1e6:.2f}",
        number(found.ms),
        percent(found.share),
    )


def _engines(record: Record) -> Section:
    header = ("engine", "part", "p50, ms", "p90, ms", "p99, ms", "x LiteRT", "signal to noise")
    rows = [_engine(record, found) for found in record.engines if found.invoke_ms]
    missing = [
        f"{found.engine}, {found.part}: {NOT_MEASURED} ({found.not_measured})."
        for found in record.engines
        if not found.invoke_ms
    ]
    text = ["One invocation, the engine alone; signal to noise of its answers against LiteRT's."]
    return Section(ENGINES, text + missing, [Table(header, rows, words=2)] if rows else [], level=3)


def _engine(record: Record, found: EngineRecord) -> tuple[str, ...]:
    ours, theirs = record.streamed.invokes_ms.get(found.part), found.invoke_ms
    return (
        f"{found.engine} {found.version}",
        found.part,
        *map(number, (theirs.p50, theirs.p90, theirs.p99)),
        f"{theirs.p50 / ours.p50:.2f}" if ours else "",
        "" if found.snr_db is None else f"{found.snr_db:.1f} dB",
    )


def _cross_check(record: Record) -> Section:
    found = record.cross_check
    said = "agrees" if found.agrees else "does **not** agree"
    ratio = within(f"{found.ratio:.3f}", found.interval)
    text = (
        f"Ours over that of {found.reference}: {ratio}; it {said} within 3 %. "
        f"{len(found.ours_ms)} rounds in turn of {found.runs} invocations, "
        f"{threads(found.threads)}.",
    )
    return Section(CROSS_CHECK, text, level=3)
