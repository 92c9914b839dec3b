"""Which records may be compared: one machine, one way of running."""

from collections.abc import Callable

from benchmarks.record import Record
from devices.machine import differences
from edge.delegates.choice import DEFAULT, XNNPACK, label_of
from edge.errors import ConfigError


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
