"""Which records may be compared: one machine, one way of running."""

from collections.abc import Callable
from pathlib import Path

from benchmarks.record import Record, Setup
from devices.machine import differences
from edge.errors import ConfigError


def setting_differences(before: Record, after: Record) -> tuple[str, ...]:
    """The settings that change what a frame's time means and differ, in words."""
    said = [(name, of(before.setup), of(after.setup)) for name, of in _SETTINGS.items()]
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


def _frames(setup: Setup) -> str:
    return f"{setup.frames.count} of {setup.frames.width} x {setup.frames.height}"


_SETTINGS: dict[str, Callable[[Setup], str]] = {
    "runtime": lambda setup: f"{setup.runtime} {setup.runtime_version}",
    "threads": lambda setup: str(setup.threads),
    "delegate": lambda setup: Path(setup.delegate).name if setup.delegate else "none",
    "frames": _frames,
}
