"""What a conversion prints: the search, and the bundle in a few lines."""

from collections.abc import Iterator

from edge.bundle import Bundle, Part
from edge_common.console import text_table
from edge_convert.precision.candidates import SearchResult
from edge_convert.precision.recipes import INT8
from edge_convert.verification import conversion_report, losses


def search_table(result: SearchResult, report: conversion_report.ConversionReport) -> str:
    """Every combination that was scored: latency, size, what each task loses."""
    header = (
        *(a.role for a in result.chosen.candidates),
        f"ms, predicted for {report.board.profile.name}" if report.board else "ms",
        "MB",
        *(d.task for d in result.chosen.drops),
        "",
    )
    rows = [
        (
            *(a.recipe.label for a in c.candidates),
            f"{c.latency_ms:.2f}",
            f"{c.size_bytes / 1e6:.2f}",
            *map(losses.drop, c.drops),
            losses.verdict(c, result, report.max_drop).strip("*"),
        )
        for c in sorted(result.combinations, key=lambda c: c.latency_ms)
    ]
    note = (
        f"points that each task loses (95 % interval), on {report.search_clips}; "
        f"budget {report.max_drop:g}"
    )
    note += f"\n{report.ranking}" if report.ranking else ""
    roles = result.layer_costs
    obstacles = [line for role in roles for line in result.obstacles(role, report.max_drop)]
    slower = () if report.board else _int8_that_is_slower_here(result, report.max_drop)
    return "\n".join((text_table(header, rows), note, *obstacles, *slower))


def _int8_that_is_slower_here(result: SearchResult, max_drop: float) -> Iterator[str]:
    """That int8 would do, if it was only this machine's latency that spoke against it."""
    chosen, precision = result.chosen, INT8.precision
    role = chosen.candidates[0].role
    fitting = [
        c
        for c in result.combinations
        if c.candidates[0].recipe.precision == precision and c.is_within(max_drop)
    ]
    if chosen.candidates[0].recipe.precision == precision or not fitting:
        return
    int8 = min(fitting, key=lambda c: c.latency_ms)
    option = (
        "without --for the latency predicted for one decides, --encoder-precision int8 takes it"
    )
    yield (
        f"int8 of the {role} keeps the budget as well ({int8.size_bytes / 1e6:.2f} MB, loses "
        f"{int8.worst:.2f} points), but takes {int8.latency_ms:.2f} ms on this machine, where what is "
        f"chosen takes {chosen.latency_ms:.2f}; on boards it is mostly faster: {option}"
    )


def _float_layers(part: Part) -> str:
    return f" ({len(part.float_layers)} layers float32)" if part.float_layers else ""


def summary(bundle: Bundle) -> str:
    """The figures that a user wants first; all of them stand in the bundle's report.md."""
    manifest = bundle.manifest
    sizes = " + ".join(
        f"{p.role} {p.precision}{_float_layers(p)} {len(bundle.members[p.file]) / 1e6:.2f} MB"
        for p in manifest.parts
    )
    lines = [
        f"{bundle.path}: {bundle.size_bytes / 1e6:.2f} MB ({sizes}), window of {manifest.window} frames"
    ]
    lines += [f"  {each.words} (--input of edge-run)" for each in manifest.inputs]
    for a in manifest.accuracy:
        lines.append(
            f"  {a.task}: {a.metric} {a.value:.4f} ({a.low:.4f} to {a.high:.4f}) {a.graph}, "
            f"n = {a.n}, {a.data}"
        )
    if not manifest.accuracy:
        lines.append("  accuracy: not measured (give --validation LABELLED.npz)")
    return "\n".join(lines)
