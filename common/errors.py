"""Every error a caller can act on, in one small tree."""

import re

# user:password@ up to the last @ before a path, as FFmpeg splits it, or up to the last one before a
# host if a password holds a / or a blank, which is wrong but happens; if a scheme is forgotten, before
# a host with a dot, or any that no path stands before; and what stands in a query, or in a
# path, as some cameras have it
_PASSWORD = re.compile(
    r"((?::/|//|\b(?:rtsps?|https?):)[^\s/?#@:\[]*:)"
    r"(?:[^\s/?#]*(?=@)|(?!\d*[/?#\s])(?:(?!://).){0,200}(?=@[\w\[]))"
    r"|((?<![\w.%~-])(?!raw:)[\w.%~-]+:)[^\s/:@]+(?=@[\w-]+\.\w)"
    r"|((?<![\w.%~/:-])(?!raw:)[\w.%~-]+:)(?:(?!raw:)[^\s/])+(?=@\w[\w-]*(?![\w.@-]))"
    r"|([?&/_](?:[\w-]*(?:token|secret|key|signature)|\w*pas|\w*pass\w*|\w*pwd|pw|sig|auth)=)[^&#\s]+",
    re.IGNORECASE,
)


def without_passwords(text: str) -> str:
    """With `***` for every password in a URL."""
    return _PASSWORD.sub(lambda match: f"{match[match.lastindex or 0]}***", text)


def in_one_line(error: BaseException) -> str:
    """What it says, or what it is called if it says nothing."""
    return " ".join(str(error).split()) or type(error).__name__


class EdgeError(Exception):
    """Root of all errors raised on purpose by this project; none tells a password."""

    exit_code = 2

    def __str__(self) -> str:
        return without_passwords(super().__str__())


class BundleError(EdgeError):
    """A bundle is missing, damaged, of another version or no bundle at all."""


class SignatureError(BundleError):
    """A signature or a key is missing, wrong, cut, not trusted, expired, revoked, or of an older bundle."""


class EngineError(EdgeError):
    """A runtime or a delegate is missing, or refuses a model."""


class DelegateError(EngineError):
    """A delegate is misspelt, missing, refuses to start, or fails at its work."""


class EngineHung(EngineError):
    """A frame took longer than the user allows."""

    exit_code = 4


class SourceError(EdgeError):
    """A source cannot be opened or holds no readable frame."""


class SourceAbsent(SourceError):
    """A camera or a server gives no frames now, and may do so later."""


class SourceLost(EdgeError):
    """A source that delivered frames stopped for good."""

    exit_code = 3


class SinkError(EdgeError):
    """An output cannot be created or written."""


class ClipError(EdgeError):
    """Clips for training, calibration or validation are missing or unusable."""


class ModelError(EdgeError):
    """A network cannot be built, read, cut or converted."""


class ConfigError(EdgeError):
    """A configuration or record file is malformed or does not fit its use."""


class GalleryError(EdgeError):
    """A gallery of people is missing, damaged, of another network, or lacks who is asked for."""


class SelfTestFailed(EdgeError):
    """The golden frames of a bundle gave other decisions than expected."""

    exit_code = 1


class DeviceError(EdgeError):
    """A profile is broken or unknown, or a tree cannot be used."""


class Unavailable(DeviceError):
    """This machine cannot emulate, or not this board: the message says what to install or take."""


class BuildFailed(DeviceError):
    """A step of building the emulated Python failed; what was whole before it is kept."""


class RunFailed(DeviceError):
    """What was to run on the emulated board failed there."""
