"""What goes wrong in emulating, told apart by what the user can do about it."""

from devices.errors import DeviceError


class Unavailable(DeviceError):
    """This machine cannot emulate, or not this board: the message says what to install or take."""


class BuildFailed(DeviceError):
    """A step of building the emulated Python failed; what was whole before it is kept."""


class RunFailed(DeviceError):
    """What was to run on the emulated board failed there."""
