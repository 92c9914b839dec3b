"""How far a suite is and how long it still takes, told from the runs that are done."""

_WIDTH = 20
_MINUTE_S = 60


class TimeLeft:
    """Counts runs; only measured ones tell how long one takes."""

    def __init__(self, total: int) -> None:
        self._total, self._done = total, 0
        self._took_s: list[float] = []

    def done(self, seconds: float | None) -> None:
        """One more run is over; None where it took no time worth counting."""
        self._done += 1
        if seconds is not None:
            self._took_s.append(seconds)

    @property
    def seconds(self) -> float | None:
        """Until all are done; None while nobody can know."""
        if not self._took_s:
            return None
        return sum(self._took_s) / len(self._took_s) * (self._total - self._done)

    def bar(self) -> str:
        """`[#####---------------] 1 of 4, about 3 min left`."""
        full = _WIDTH * self._done // self._total
        text = f"[{'#' * full}{'-' * (_WIDTH - full)}] {self._done} of {self._total}"
        left = self.seconds
        return f"{text}, about {duration(left)} left" if left else text


def duration(seconds: float) -> str:
    """Roughly: 40 s, 3 min, 2 h 5 min."""
    if seconds < 1.5 * _MINUTE_S:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / _MINUTE_S)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
