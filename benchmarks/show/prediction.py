"""What is known of a bundle without a clock, as a person reads it: its facts, and predictions."""

from collections.abc import Iterator

from edge_benchmarks.cells import amount, megabytes, value
from edge_benchmarks.judge.facts import Facts, golden_text
from edge_benchmarks.prediction import BoardForecast, Forecast
from edge_common.console import text_table
from edge_devices.prediction import fitted, measured

HEADER = ("board", "threads", "ms a frame", "90 % interval", "frames/s", "slowest part")
_MORE = ("limited by", "fits in", "figures known")


def forecast_table(prediction: Forecast) -> str:
    """One row a board, what is not predicted below, and how far off the model has been."""
    predicted = [each for each in prediction.boards if each.frame]
    lines = [f"{prediction.bundle}: predicted, not measured"]
    if predicted:
        rows = [_row(each) for each in predicted]
        lines += [text_table([*HEADER, *_MORE], rows, left_columns=(0, 5, 6)), ""]
    lines += [each.not_predicted for each in prediction.boards if not each.frame]
    return "\n".join([*lines, *_notes(prediction, predicted)])


def leave_one_out_table() -> str:
    """Every published figure beside what a model without it, and without its board, says."""
    figure, board = fitted.by_figure(measured.published()), fitted.by_board(measured.published())
    rows = [
        _published_row(without_figure, without_board)
        for without_figure, without_board in zip(figure, board)
    ]
    header = ["board", "network", "precision", "threads", "published ms"]
    return "\n".join(
        [
            text_table([*header, "without it", "off by", "without its board", "off by"], rows),
            f"each figure left out: {deviation_in_words(fitted.errors(figure))}",
            f"each board left out: {deviation_in_words(fitted.errors(board))}",
        ]
    )


def _row(board: BoardForecast) -> list[str]:
    assert board.frame is not None
    return [
        board.board,
        str(board.threads),
        milliseconds(board.frame.ms),
        f"{milliseconds(board.frame.low_ms)} to {milliseconds(board.frame.high_ms)}",
        f"{board.frames_per_second:.3g}",
        _part(board),
        board.bound_by,
        f"{board.fits_mib} MiB" if board.fits_mib else "no version",
        str(board.figures),
    ]


def milliseconds(ms: float) -> str:
    """Two or three digits: more would claim what a prediction does not know."""
    return f"{ms:.0f}" if ms >= 20 else f"{ms:.1f}" if ms >= 1 else f"{ms:.2f}"


def _part(board: BoardForecast) -> str:
    share = board.parts_ms[board.slowest_part].ms / sum(p.ms for p in board.parts_ms.values())
    return f"{board.slowest_part} {100 * share:.0f} %"


def _notes(prediction: Forecast, predicted: list[BoardForecast]) -> Iterator[str]:
    if not predicted:
        return
    if not all(each.counted for each in predicted):
        yield "instructions estimated from the operators; --count executes them under qemu"
    yield (
        "one inference of each part; edge-run adds what reading and resizing a frame take. "
        f"Memory: edge-run peaks at {prediction.peak_rss_bytes / 1e6:.0f} MB here"
    )
    by_figure, by_board = (
        deviation_in_words(fitted.errors(without(measured.published())))
        for without in (fitted.by_figure, fitted.by_board)
    )
    yield (
        f"the model was fitted to published figures; with each left out in turn it is {by_figure}; "
        f"with all of a board left out {by_board} (--explain)"
    )


def deviation_in_words(deviations: fitted.Errors) -> str:
    """How far off, in words."""
    return (
        f"off by {100 * deviations.median:.0f} % in the median, {100 * deviations.worst:.0f} % at worst, "
        f"{deviations.covered} of {deviations.count} within their interval"
    )


def _published_row(without_figure: fitted.LeftOut, without_board: fitted.LeftOut) -> list[str]:
    observation = without_figure.anchor.observation
    return [
        observation.processor.board,
        without_figure.anchor.network,
        without_figure.anchor.precision,
        str(observation.threads),
        f"{observation.ms:g}",
        str(without_figure.latency),
        f"{100 * without_figure.error:+.0f} %",
        str(without_board.latency),
        f"{100 * without_board.error:+.0f} %",
    ]


_PARTS = ("part", "precision", "parameters", "multiply-adds", "operators", "not XNNPACK", "size")


def facts_table(facts: Facts) -> str:
    """All of them, for a terminal."""
    bundle = facts.bundle
    heading = (
        f"{bundle.name}: {bundle.streaming}, window of {bundle.window}, "
        f"{megabytes(bundle.size_bytes)} (sha256 {bundle.sha256[:12]}), "
        f"on {facts.runtime} {facts.runtime_version}"
    )
    return "\n\n".join([heading, _parts(facts), "\n".join(_lines(facts))])


def _parts(facts: Facts) -> str:
    rows = [
        [
            part.role,
            part.precision,
            amount(part.parameters),
            amount(part.multiply_adds),
            _count(facts.operators, part.role),
            _count(facts.left_to_other_kernels, part.role),
            megabytes(part.size_bytes),
        ]
        for part in facts.bundle.parts
    ]
    return text_table(_PARTS, rows)


def _count(operators: dict[str, dict[str, int]] | None, role: str) -> str:
    return "unknown" if operators is None else str(sum(operators[role].values()))


def _lines(facts: Facts) -> Iterator[str]:
    for role, count in facts.invocations.items():
        yield f"{role} invocations a frame: {count:g}"
    origin = f"measured on {facts.data}" if facts.measured else f"as converted, on {facts.data}"
    for figure in facts.accuracy:
        sample = f", n = {figure.n}, {origin}" if figure.value is not None else ""
        yield f"{figure.metric.replace('_', ' ')} of {figure.task}: {value(figure)}{sample}"
    yield f"golden decisions: {golden_text(facts.golden)}"
    for board, parts in facts.instructions.items():
        counts = ", ".join(f"{role} {amount(c.instructions)}" for role, c in parts.items())
        yield f"instructions of one inference, {board}: {counts}"
