"""Where frames come from, as options of commands say it."""

import functools
import os
import re
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeVar

import click

from edge import registry, sources
from edge.commands.options import DAY_S
from edge_common import command_line

F = TypeVar("F", bound=Callable[..., Any])


class SizeParam(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.2 on
    """`640x480`: width and height, pixels."""

    name = "size"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        match = re.fullmatch(r"(\d{2,5})x(\d{2,5})", str(value))
        if not match:
            self.fail(f"{value!r} is no size: write it as 640x480.", param, ctx)
        return int(match[1]), int(match[2])


_camera = click.option(
    "--camera",
    multiple=True,
    metavar="N|DEVICE|csi:N",
    help="Camera by number (a CSI camera's if there is one), device file or CSI port.",
)

_size = click.option(
    "--size", type=SizeParam(), metavar="WxH", help="Ask the camera for this size."
)

_fps = click.option(
    "--fps",
    type=command_line.FiniteFloat(0.01, 1000),
    metavar="HZ",
    help="Ask the camera for so many frames a second.",
)

_fourcc = click.option(
    "--fourcc", metavar="CODE", help="Ask a V4L camera for this format, such as MJPG."
)

_source = click.option(
    "--source",
    multiple=True,
    metavar="URI",
    help="Video file, image folder, quoted glob, stream URL, named pipe, or - for stdin.",
)

_stdin_format = click.option(
    "--stdin-format",
    metavar="FORMAT",
    help="Of `--source -` or a named pipe: y4m, mjpeg, raw:WxH[@HZ][:bgr|rgb|gray|i420|j420]. "
    "[default: looked at]",
)

_login = click.option(
    "--login",
    metavar="FILE",
    help="File of mode 0600 with NAME:PASSWORD for URLs of one host; or set EDGE_SOURCE_LOGIN.",
)

_insecure = click.option(
    "--insecure",
    is_flag=True,
    help="Do not verify the certificate of an https or rtsps source.",
)

_stall_after = click.option(
    "--stall-after",
    type=command_line.FiniteFloat(0.1, DAY_S),
    metavar="SECONDS",
    help="Open a live source again after so long without a frame. [default: five frame times, "
    "at least 1]",
)

_give_up_after = click.option(
    "--give-up-after",
    type=command_line.FiniteFloat(0.1),
    metavar="SECONDS",
    help="End with code 3 if a lost live source is not back by then. [default: never]",
)

_wait_for_camera = click.option(
    "--wait-for-camera/--no-wait-for-camera",
    default=None,
    help="Begin without a camera or stream that is not there yet, and take it once it is; else that is an "
    "error. [default: as a service of systemd]",
)


@dataclass(frozen=True)
class SourceOptions:
    """Where frames come from, as options say it.

    uris: of one source or several.
    options: of the kinds of sources, by their names; "" for those that were not given.
    usual: as `options`, of those kinds that have them, if no option says something else.
    """

    uris: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    usual: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.uris)

    @property
    def endpoint(self) -> registry.Endpoint:
        """The only one. Raises UsageError if there are several, and as `endpoints` does."""
        if len(self.uris) > 1:
            raise click.UsageError("give one of --camera N and --source URI, once")
        return self.endpoints[0]

    @cached_property
    def endpoints(self) -> tuple[registry.Endpoint, ...]:
        """At least one. Each option is of those whose kind has it.

        Raises UsageError if there is none, an option is of none, or a device is given twice; and
        SourceError.
        """
        if not self.uris:
            raise click.UsageError("give one of --camera N and --source URI")
        found = tuple(map(sources.find_source, self.uris))
        for name in (name for name, value in self.options.items() if value):
            if not any(name in each.kind.keys for each in found):
                option = _NAMES.get(name, name.replace("_", "-"))
                raise click.UsageError(
                    f"--{option} goes with {_KINDS_OF[name]}, not with {found[0]}"
                )
        ports = _csi_ports_by_number(found)
        devices = [device for each in found if (device := device_of(each, ports))]
        for device in devices:
            if devices.count(device) > 1:
                raise click.UsageError(f"{device} is given twice: only one source can read it")
        takers = self._login_takers(found) if len(found) > 1 else found
        return tuple(self._with_options(each, each in takers) for each in found)

    def _login_takers(self, found: Sequence[registry.Endpoint]) -> Sequence[registry.Endpoint]:
        """Those that lack a login, or all if none does. Raises SourceError for several hosts."""
        from edge.sources import login

        lacking = [
            each
            for each in found
            if "login" in each.kind.keys
            and "login" not in dict(each.options)
            and login.lacks_login(each.target)
        ]
        origin = "--login" if self.options.get("login") else ""
        login.check_hosts([each.target for each in lacking], origin)
        return lacking or found

    def _with_options(self, request: registry.Endpoint, takes_login: bool) -> registry.Endpoint:
        """Its own options go before those of the run."""
        keys = set(request.kind.keys) - (set() if takes_login else {"login"})
        said = {**self.usual, **{key: value for key, value in self.options.items() if value}}
        options = {key: value for key, value in said.items() if key in keys}
        return replace(request, options=tuple({**options, **dict(request.options)}.items()))


def _csi_ports_by_number(requests: Sequence[registry.Endpoint]) -> set[str]:
    """Of the CSI ports that are given by number as well, those that have a camera."""
    targets = {each.target for each in requests if each.kind.name == "camera"}
    ports = {f"csi:{target}" for target in targets} & targets
    if ports:  # as the look takes a second
        from edge_devices.detection import cameras

        ports &= {camera.address for camera in cameras.read_cameras().cameras}
    return ports


def device_of(request: registry.Endpoint, ports: Container[str] = ()) -> str:
    """What no two sources can read; "" for the others.  ports: of CSI, that a number means."""
    target = request.target
    if f"csi:{target}" in ports:
        return f"csi:{target}"
    if request.kind.name == "camera" and " ! " not in target:
        path = f"/dev/video{target}" if target.isdecimal() else target
        return os.path.realpath(path) if path.startswith("/") else path
    if target in ("-", "pipe:", "pipe:0", "fd:", "fd:0", "/dev/stdin", "/dev/fd/0"):
        return "standard input"
    return os.path.realpath(target) if request.kind.name == "fifo" else ""


_LIVE = "a camera or a stream"

_KINDS_OF = {
    "insecure": "the URL of a stream",
    "login": "the URL of a stream or a snapshot",
    "stdin_format": "--source - or a named pipe",
    "stall_after": _LIVE,
    "give_up_after": _LIVE,
    "wait": _LIVE,
    **dict.fromkeys(("width", "height", "rate", "fourcc"), "a camera"),
}

_NAMES = {
    "width": "size",
    "height": "size",
    "rate": "fps",
    "wait": "wait-for-camera",
}  # options of keys with other names


def source_options(command: F) -> F:
    """Add --camera, --source and what goes with them, which become one `source`."""

    @functools.wraps(command)
    def wrapped(
        *args: Any,
        camera: tuple[str, ...],
        source: tuple[str, ...],
        size: tuple[int, int] | None,
        fps: float | None,
        fourcc: str | None,
        stdin_format: str | None,
        login: str | None,
        insecure: bool,
        stall_after: float | None,
        give_up_after: float | None,
        wait_for_camera: bool | None,
        **more: Any,
    ) -> Any:
        width, height = size or (None, None)
        given = {
            "width": width,
            "height": height,
            "rate": fps,
            "fourcc": fourcc,
            "stdin_format": stdin_format,
            "login": login,
            "insecure": int(insecure),
            "stall_after": stall_after,
            "give_up_after": give_up_after,
            "wait": int(wait_for_camera or False),
        }
        options = {name: str(value or "") for name, value in given.items()}
        uris = (*(f"camera:{each}" for each in camera), *source)
        is_service = wait_for_camera is None and "NOTIFY_SOCKET" in os.environ
        usual = {"wait": "1"} if is_service else {}
        return command(*args, source=SourceOptions(uris, options, usual), **more)

    cameras, servers = (_fourcc, _fps, _size), (_stdin_format, _insecure, _login)
    for option in (
        _wait_for_camera,
        _give_up_after,
        _stall_after,
        *servers,
        *cameras,
        _source,
        _camera,
    ):
        wrapped = option(wrapped)
    return wrapped  # type: ignore[return-value]
