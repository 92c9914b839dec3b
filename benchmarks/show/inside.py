"""Sections on the parts of one record: roofline, operators, other engines, counts, other clocks."""

from collections.abc import Iterator, Mapping

from edge_benchmarks.cells import NOT_MEASURED, amount, megabytes, number, percent, threads, within
from edge_benchmarks.inside import cross_check, roofline
from edge_benchmarks.inside.profile.figures import OperatorTime, PartProfile
from edge_benchmarks.prediction import Instructions, instructions_per_frame
from edge_benchmarks.record import EngineRecord, Record
from edge_benchmarks.show.plots import record as plots
from edge_common.document import Section, Table
from edge_devices.emulation.counting import Counts

_SLOWEST = 10
_DISTURBED = 0.05  # left over, relative to the whole


def inside_sections(record: Record) -> Iterator[Section]:
    """Those that the record holds figures for."""
    if record.roof and record.roofline:
        yield _roofline(record, record.roof)
    if record.profiles:
        yield _profiles(record)
    if record.engines:
        yield _engines(record)
    if record.instructions:
        yield instructions_section(record.instructions, record.streamed.invocations)
    if record.cross_check:
        yield _cross_check(record.cross_check)


def _roofline(record: Record, roof: roofline.Roof) -> Section:
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
    return Section(
        "Roofline",
        ["Roofs as measured on this machine: matrix products in the same engine, and STREAM."],
        [Table(header, rows, words=2), _roofs(roof)],
        svg=lambda: plots.roofline(roof, record.roofline),
        caption="A part above the slope of the memory works out of the caches.",
        level=3,
    )


def _roofs(roof: roofline.Roof) -> Table:
    rows = [
        (f"peak, {peak.precision}, {threads(peak.threads)}", f"{number(peak.gops)} G operations/s")
        for peak in roof.peaks
    ]
    rows += [
        (f"memory, {threads(b.threads)}", f"{number(b.best_gb_s)} GB/s") for b in roof.bandwidths
    ]
    return Table(("roof", "measured"), rows, words=1)


def _profiles(record: Record) -> Section:
    tables = [
        table
        for role, profile in record.profiles.items()
        for table in (_kinds(role, profile), _operators(role, profile))
    ]
    kinds = {role: profile.kinds for role, profile in record.profiles.items()}
    return Section(
        "Operators",
        [_profile_total(role, profile) for role, profile in record.profiles.items()],
        tables,
        svg=lambda: plots.kinds(kinds),
        level=3,
        notes=[note for profile in record.profiles.items() for note in _profile_notes(*profile)],
    )


def _profile_total(role: str, profile: PartProfile) -> str:
    return (
        f"{role}, operator by operator: {len(profile.operators)} operators take "
        f"{number(profile.sum_ms)} ms of {number(profile.whole_ms)} ms "
        f"({profile.residual:+.1%} left over); {profile.runs} runs with {profile.method}, "
        f"{threads(profile.threads)}."
    )


def _profile_notes(role: str, profile: PartProfile) -> Iterator[str]:
    if profile.below_resolution:
        yield (
            f"{role}: {profile.below_resolution} operators are below the resolution of 1 us and "
            f"share {profile.below_resolution_ms:.3f} ms of what the others leave"
        )
    if abs(profile.residual) > _DISTURBED:
        yield f"{role}: other programs disturbed the recording: close them and profile again"


def _kinds(role: str, profile: PartProfile) -> Table:
    rows = [
        (k.kind, str(k.count), f"{k.multiply_adds / 1e6:.2f}", number(k.ms), percent(k.share))
        for k in profile.kinds[:_SLOWEST]
    ]
    header = (f"{role}: kind of operator", "count", "M multiply-adds", "ms", "share")
    return Table(header, rows, words=1)


def _operators(role: str, profile: PartProfile) -> Table:
    header = (
        f"{role}: slowest operators", "kernel", "output", "M multiply-adds", "ms", "share",
    )  # fmt: skip
    return Table(header, [_operator(each) for each in profile.slowest(_SLOWEST)], words=2)


def _operator(operator: OperatorTime) -> tuple[str, ...]:
    kernel = operator.kernel
    return (
        f"{operator.index} {operator.operator}",
        kernel if operator.delegated else f"{kernel} (not delegated)",
        " x ".join(map(str, operator.shape)),
        f"{operator.multiply_adds / 1e6:.2f}",
        number(operator.ms),
        percent(operator.share),
    )


def _engines(record: Record) -> Section:
    header = ("engine", "part", "p50, ms", "p90, ms", "p99, ms", "x LiteRT", "signal to noise")
    rows = [_engine(record, engine) for engine in record.engines if engine.invoke_ms]
    missing = [
        f"{engine.engine}, {engine.part}: {NOT_MEASURED} ({engine.not_measured})."
        for engine in record.engines
        if not engine.invoke_ms
    ]
    text = ["One invocation, the engine alone; signal to noise of its answers against LiteRT's."]
    tables = [Table(header, rows, words=2)] if rows else []
    return Section("Other engines", text + missing, tables, level=3)


def _engine(record: Record, engine: EngineRecord) -> tuple[str, ...]:
    assert engine.invoke_ms is not None
    ours, theirs = record.streamed.invokes_ms.get(engine.part), engine.invoke_ms
    return (
        f"{engine.engine} {engine.version}",
        engine.part,
        *map(number, (theirs.p50, theirs.p90, theirs.p99)),
        f"{theirs.p50 / ours.p50:.2f}" if ours else "",
        "" if engine.snr_db is None else f"{engine.snr_db:.1f} dB",
    )


def _cross_check(check: cross_check.CrossCheck) -> Section:
    verdict = "agrees" if check.agrees else "does **not** agree"
    ratio = within(f"{check.ratio:.3f}", check.interval)
    text = (
        f"Ours over that of {check.reference}: {ratio}; it {verdict} within 3 %. "
        f"{len(check.ours_ms)} rounds in turn of {check.runs} invocations, "
        f"{threads(check.threads)}."
    )
    return Section(
        "Cross-check of the timing",
        [text],
        svg=lambda: plots.cross_check(check.ours_ms, check.theirs_ms, check.reference),
        level=3,
    )


_MEMORY = {"bytes loaded": "loaded_bytes", "bytes stored": "stored_bytes"}


def instructions_section(instructions: Instructions, invocations: Mapping[str, float]) -> Section:
    """Parts and their classes down, boards across. invocations: of each part for a frame."""
    boards = list(instructions)
    whole = [
        amount(round(instructions_per_frame(instructions[board], invocations))) for board in boards
    ]
    rows = [row for role in instructions[boards[0]] for row in _counts_of_part(role, instructions)]
    first = next(iter(instructions[boards[0]].values()))
    note = (
        f"Counted under qemu with {first.runtime} {first.runtime_version}, one thread, "
        "one inference of each part: no time follows from them alone."
    )
    table = Table(("instructions", *boards), [*rows, ["whole frame", *whole]], words=1)
    return Section("Instructions", [note], [table], level=3)


def _counts_of_part(role: str, instructions: Instructions) -> Iterator[list[str]]:
    counts = [parts[role] for parts in instructions.values()]
    yield [role, *(amount(each.instructions) for each in counts)]
    for name in _classes(counts):
        cells = (amount(each.classes[name]) if name in each.classes else "-" for each in counts)
        yield [f"  {name.replace('_', ' ')}", *cells]
    for label, field in _MEMORY.items():
        yield [f"  {label}", *(megabytes(getattr(each, field)) for each in counts)]


def _classes(counts: list[Counts]) -> list[str]:
    """Those that were met, the most frequent of any board first."""
    most: dict[str, int] = {}
    for each in counts:
        for name, count in each.classes.items():
            most[name] = max(most.get(name, 0), count)
    return sorted(most, key=lambda name: -most[name])
