"""Which records may be compared: one machine, one way of running."""

import math
from collections.abc import Callable

from edge.engine.delegate import DEFAULT, XNNPACK, label_of
from edge_benchmarks.record.record import Record
from edge_common.errors import ConfigError
from edge_devices.detection.machine import differences


def setting_differences(before: Record, after: Record) -> tuple[str, ...]:
    """The settings that change what a frame's time means and differ, in words."""
    said = [(name, of(before), of(after)) for name, of in _SETTINGS.items()]
    return tuple(f"{name}: {one} and {two}" for name, one, two in said if one != two)


def comparable(before: Record, after: Record) -> bool:
    """Whether both were measured on one machine with the same settings."""
    return not (differences(before.machine, after.machine) or setting_differences(before, after))


def check_measured(file: str, record: Record) -> None:
    """Raise ConfigError for a record that was interrupted before anything was measured."""
    if not record.measurements:
        raise ConfigError(f"{file} holds no measurement: measure again")


def tolerated_differences(
    before: Record, after: Record, across_machines: bool, across_settings: bool
) -> tuple[str, ...]:
    """What differs although the user wants a comparison, in words.

    Raises ConfigError where machines or settings differ and the user did not allow for it.
    """
    machines = differences(before.machine, after.machine)
    settings = setting_differences(before, after)
    if machines and not across_machines:
        raise _refusal("on other machines", machines, "--across-machines")
    if settings and not across_settings:
        raise _refusal("with other settings", settings, "--across-settings")
    return machines + settings


def _refusal(how: str, found: tuple[str, ...], option: str) -> ConfigError:
    return ConfigError(
        f"the two records were measured {how} ({'; '.join(found)}): measure both alike, "
        f"or give {option}"
    )


def _frames(record: Record) -> str:
    frames = record.setup.frames
    return f"{frames.count} of {frames.width} x {frames.height}"


def _delegate(record: Record) -> str:
    """As asked for; whether it was used changes the meaning as well."""
    asked = record.setup.delegate
    label = DEFAULT if asked == XNNPACK else label_of(asked)  # they differ in words alone
    return f"{label} (left out)" if record.left_out else label


_SETTINGS: dict[str, Callable[[Record], str]] = {
    "runtime": lambda record: f"{record.setup.runtime} {record.setup.runtime_version}",
    "threads": lambda record: str(record.setup.threads),
    "delegate": _delegate,
    "device": lambda record: record.setup.device or "this machine",
    "frames": _frames,
}


BETTER, WORSE = "better", "worse"
Interval = tuple[float, float]


def difference_interval(
    before: float, before_interval: Interval, after: float, after_interval: Interval
) -> Interval:
    """95 % interval of `after - before`, from the 95 % interval of each.

    Of shares with Wilson's intervals this is method 10 of R. G. Newcombe, 1998, "Interval
    estimation for the difference between independent proportions"; of any other figures its
    generalisation (G. Y. Zou and A. Donner, 2008). Answers to the same clips are no
    independent samples; their difference is known better than this says.
    """
    low = math.hypot(after - after_interval[0], before_interval[1] - before)
    high = math.hypot(after_interval[1] - after, before - before_interval[0])
    return after - before - low, after - before + high
