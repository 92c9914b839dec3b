"""What a caller can act on where a board or its profile is concerned."""


class DeviceError(Exception):
    """A profile is broken or unknown, or a tree cannot be used.

    A command turns it into one line on stderr and `exit_code`, as it does an `EdgeError`.
    """

    exit_code = 2
