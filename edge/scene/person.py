"""One person who is followed: which part of a frame shows them, and the window that it goes into."""

from collections import deque

import numpy as np

from edge.input_spec import Box, Size
from edge.stream import Decision, Frame, FrameSampler, Region, Stream, TrackInfo
from edge.tracks import Track

_LEAST_SIDE = 2.0  # pixels of a box that anything is to be seen in
_JUDGED_AFTER, _ENOUGH = 30, 0.8  # calls, and the share of them that is nearly all
_PAUSE_OF_A_WINDOW, _ROUNDING = 0.5, 1.01  # of its frames
_PAUSE_OF_STATES_S = 1.0


def box_in(box: np.ndarray, width: int, height: int) -> Box:
    """left, top, right, bottom as whole pixels of a frame: left, top, width, height."""
    left, top, right, bottom = (round(float(edge)) for edge in box)
    left, top = min(left, width - 1), min(top, height - 1)
    return left, top, max(right - left, 1), max(bottom - top, 1)


def region_around(
    box: np.ndarray, margin: float, aspect: Size, width: int, height: int
) -> Region | None:
    """What a network of that aspect is shown of a person; None if they are too small.

    The box with a margin, a share of it, on each of its sides, made wider or higher to the
    aspect; at the frame's edge it is moved inside rather than cut, so that nobody looks thinner.
    """
    left, top, right, bottom = map(float, box)
    if not min(right - left, bottom - top) >= _LEAST_SIDE:
        return None
    across, down = (right - left) * (1 + 2 * margin), (bottom - top) * (1 + 2 * margin)
    across, down = (
        max(across, down * aspect[0] / aspect[1]),
        max(down, across * aspect[1] / aspect[0]),
    )
    columns, rows = min(round(across), width), min(round(down), height)
    x = min(max(round((left + right - columns) / 2), 0), width - columns)
    y = min(max(round((top + bottom - rows) / 2), 0), height - rows)
    return Region("box", (x, y, columns, rows))


class Person:
    """A track with a window of its own, on a network that it shares.

    A window goes on behind a pause, in which its person was hidden, if no more than half as many
    frames as it holds are missing; behind a longer one it begins again, as the motion in it
    would jump. So does, after a second, the memory of a network with states. Frames in which its
    person only waits for a turn are no pause.
    stream: with an empty window.  margin: a share of the boxes, around them.
    rate_hz: frames a second that the network is to get; 0: all.
    turn: when it had its last encoder call; who has the smallest is the next.
    calls_due, calls: frames that its window should have got, and those it got.
    region: of the newest frame; None: nothing of them is to be seen.
    """

    def __init__(self, stream: Stream, margin: float, rate_hz: float, turn: int) -> None:
        self.stream, self._margin, self.turn = stream, margin, turn
        self.region: Region | None = None
        self.calls_due = self.calls = 0
        manifest = stream.bundle.manifest
        self._size, self._has_states = manifest.input.size, bool(manifest.last_part.states)
        self._sampler, self._is_sampled = FrameSampler(rate_hz), False
        self._times_s = deque[float](maxlen=manifest.window)
        self._is_hidden = False

    @property
    def is_due(self) -> bool:
        """Whether an encoder call is due, and there is something to see."""
        return self._is_sampled and self.region is not None

    @property
    def is_behind(self) -> bool:
        """Whether its window gets clearly fewer frames than it should."""
        return self.calls_due >= _JUDGED_AFTER and self.calls < _ENOUGH * self.calls_due

    def follow(self, track: Track, frame: Frame, time_s: float) -> bool:
        """Take where they are in the next frame of the source; whether it should be looked at."""
        is_sampled = self._sampler.takes(frame)
        if track.is_hidden:
            self._is_hidden, self.region = True, None
            return False
        if self._is_hidden and self._times_s and not self._goes_on(time_s - self._times_s[-1]):
            self.stream.reset()
            self._times_s.clear()
        self._is_hidden = False
        height, width = frame.pixels.shape[:2]
        self.region = region_around(track.box, self._margin, self._size, width, height)
        if not is_sampled or self.region is None:
            return False
        self._is_sampled = True
        self.calls_due += 1
        return True

    def look(self, frame: Frame, info: TrackInfo, time_s: float, turn: int) -> Decision | None:
        """One encoder call for the frame that was followed, and a decision if it is due."""
        self._is_sampled, self.turn = False, turn
        self._times_s.append(time_s)
        self.calls += 1
        return self.stream.push(frame, self.region, info)

    def is_call_saved(self) -> bool:
        """Whether a motion gate saved their newest encoder call."""
        return self.stream.is_saved

    def _goes_on(self, pause_s: float) -> bool:
        """Whether its window does, so long after its newest frame."""
        if self._has_states:
            return pause_s <= _PAUSE_OF_STATES_S
        times_s, window = self._times_s, self.stream.bundle.manifest.window
        interval_s = (times_s[-1] - times_s[0]) / max(len(times_s) - 1, 1)
        return pause_s <= (1 + _PAUSE_OF_A_WINDOW * window) * interval_s * _ROUNDING
