"""The tables of boards in docs/results.md, which `make boards` writes."""

import sys
from collections.abc import Sequence
from pathlib import Path

from edge_benchmarks.prediction import ALL, BoardForecast, Forecast, run_forecasts
from edge_benchmarks.show.prediction import deviation_in_words, milliseconds
from edge_common import console
from edge_devices.prediction import fitted, measured, model
from examples.document_figures import markdown_table, replace_marked

BEGIN, END = "<!-- boards: make boards -->", "<!-- end of boards -->"
_MANY = 4


def section(forecasts: Sequence[Sequence[Forecast]]) -> str:
    """Markdown. forecasts: of each bundle, with one thread and with as many as a board likes."""
    figures, boards = fitted.by_figure(measured.published()), fitted.by_board(measured.published())
    return "\n\n".join(
        [
            *(_bundle(single, many) for single, many in forecasts),
            "What others published, four threads (of the 3B+ in a 32-bit system), and what the model says "
            "of each figure when it is left out:",
            _published(figures),
            f"Of all {len(figures)} figures that the model knows, each left out in turn, it is "
            f"{deviation_in_words(fitted.errors(figures))}; with all figures of a board left out, "
            f"{deviation_in_words(fitted.errors(boards))} "
            "(`edge-bench predict --explain`).",
        ]
    )


def _bundle(single: Forecast, many: Forecast) -> str:
    rows = [_row(a, b) for a, b in zip(single.boards, many.boards) if _is_named(a, b)]
    header = [
        "board",
        "ms a frame, 1 thread",
        "frames/s",
        f"ms a frame, {_MANY} threads",
        "figures known of it",
    ]
    return f"**{single.bundle}**, predicted\n\n{markdown_table(header, rows)}"


def _is_named(single: BoardForecast, many: BoardForecast) -> bool:
    """Generic boards are nobody's: what one takes is the profile's assumption."""
    return bool(single.frame and many.frame) and not single.board.startswith("generic-")


def _row(single: BoardForecast, many: BoardForecast) -> list[str]:
    return [
        single.title,
        _interval(single),
        f"{single.frames_per_second:.3g}",
        _interval(many),
        str(single.figures or "none"),
    ]


def _interval(board: BoardForecast) -> str:
    assert board.frame is not None
    return _bounds(board.frame)


def _bounds(latency: model.Latency) -> str:
    low, high = milliseconds(latency.low_ms), milliseconds(latency.high_ms)
    return f"{milliseconds(latency.ms)} ({low} to {high})"


def _published(figures: Sequence[fitted.LeftOut]) -> str:
    rows = [
        [
            each.anchor.observation.processor.board,
            f"{each.anchor.network} {each.anchor.precision}",
            f"{each.anchor.observation.ms:g}",
            _bounds(each.latency),
            f"{100 * each.error:+.0f} %",
        ]
        for each in figures
        if _is_shown(each.anchor)
    ]
    header = ["board", "network", "published ms", "predicted ms, 90 % interval", "off by"]
    return markdown_table(header, rows)


def _is_shown(anchor: measured.Anchor) -> bool:
    return anchor.network in ("mobilenet_v1_224", "mobilenet_v2_224") and (
        anchor.observation.processor.board in ("pi-3b-plus", "pi-4", "pi-5")
    )


def main(document: Path, bundles: Sequence[str]) -> None:
    progress = console.Progress()
    forecasts = [
        run_forecasts(bundle, ALL, (1, _MANY), count=True, progress=progress) for bundle in bundles
    ]
    replace_marked(document, BEGIN, END, section(forecasts))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
