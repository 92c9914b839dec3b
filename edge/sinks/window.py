"""The sink `window`: annotated frames on the screen."""

import os
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge.sinks import Gap, RunEnded, RunInfo, draw
from edge.stream import Decision, Frame, Region
from edge_common import Closable, SinkError, command_line, console

if TYPE_CHECKING:
    from edge.scene import SceneView

_QUIT_KEYS = frozenset({ord("q"), 27})


def open_sink(target: str, run: RunInfo) -> "WindowSink":
    """Raises SinkError if there is no display."""
    return WindowSink(run.tasks, run.region, run.source)


def _remedy() -> str:
    """What brings an OpenCV with windows in place of the headless one that was imported."""
    try:
        version("opencv-python")
    except PackageNotFoundError:
        return command_line.install_hint("show")
    return (
        "the files of opencv-python-headless lie over those of opencv-python: "
        f"{command_line.WINDOW_FILES}"
    )


class WindowSink(Closable):
    """Annotated frames in a window; `q`, Escape or closing it ends the run."""

    def __init__(
        self, tasks: Sequence[str], region: Region | None = None, source: str | None = None
    ) -> None:
        self.title = f"edge-run {console.printable(source or '')}".strip()
        # without a display OpenCV's Qt ends the whole process, so ask first
        headless = not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
        if sys.platform.startswith("linux") and headless:
            raise SinkError("--show needs a display and there is none: use --save, or set DISPLAY")
        self._annotated, self._last = (
            draw.Annotator(tasks, region),
            np.zeros((240, 320, 3), np.uint8),
        )
        try:
            cv2.namedWindow(self.title, cv2.WINDOW_AUTOSIZE)
        except cv2.error as error:
            raise SinkError(f"this OpenCV has no windows: {_remedy()}, or use --save") from error

    def take(self, frame: Frame, decisions: Sequence[Decision]) -> None:
        self._last = self._annotated(frame, decisions)
        self._show(self._last)

    def show_people(self, view: "SceneView") -> None:
        self._annotated.show_people(view)

    def show_gap(self, gap: Gap) -> None:
        if not gap.has_ended:
            self._show(draw.darkened(self._last, gap.seconds))

    def _show(self, image: np.ndarray) -> None:
        cv2.imshow(self.title, image)
        closed = cv2.waitKey(1) & 0xFF in _QUIT_KEYS
        if closed or cv2.getWindowProperty(self.title, cv2.WND_PROP_VISIBLE) < 1:
            raise RunEnded

    def close(self) -> None:
        cv2.destroyAllWindows()
