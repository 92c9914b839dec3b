"""How long clips are, and which alerts ask for other ones."""

from dataclasses import dataclass

from edge.events import Event, alert as rules

_LONGEST_S = 600.0


@dataclass(frozen=True)
class ClipTimes:
    """Seconds before and after an event, and of the longest clip."""

    before_s: float = 5.0
    after_s: float = 5.0
    longest_s: float = 120.0

    def __post_init__(self) -> None:
        if not (0 <= self.before_s <= 60 and 0 <= self.after_s <= 60):
            raise ValueError("the options before and after are 0 to 60 seconds")
        if not self.before_s + self.after_s < self.longest_s <= _LONGEST_S:
            raise ValueError("the option longest is above before + after, and 600 seconds at most")

    def asked_for(self, alert: rules.Alert) -> "ClipTimes | None":
        """Those of one alert; None: it is to have no clip. Raises ValueError that names it."""
        if isinstance(clip := alert.clip, bool):
            return self if clip else None
        before_s = self.before_s if clip.before_s is None else clip.before_s
        after_s = self.after_s if clip.after_s is None else clip.after_s
        try:
            return ClipTimes(before_s, after_s, self.longest_s)
        except ValueError as error:
            raise ValueError(f"the clip of alert '{alert}': {error}") from None


class AlertTimes:
    """Times of all clips.  usual: of alerts that say nothing."""

    def __init__(self, usual: ClipTimes, alerts: tuple[rules.Alert, ...] = ()) -> None:
        self._usual = usual
        self._by_alert = {str(alert): usual.asked_for(alert) for alert in alerts}
        # how long before its telling an event may have begun
        self._late_s = max([alert.for_s for alert in alerts], default=0.0)

    def of(self, event: Event) -> ClipTimes | None:
        """None: no clip is asked for."""
        return self._by_alert.get(event.alert, self._usual)

    @property
    def kept_s(self) -> float:
        """For how long frames have to be kept, until an event that they belong to is told."""
        every = [self._usual, *filter(None, self._by_alert.values())]
        return max(times.before_s for times in every) + self._late_s
