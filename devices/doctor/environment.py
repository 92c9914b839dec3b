"""What a diagnosis needs beside the kernel's files: Python, its packages, rights, free space.

Of a recorded tree they stand in its `edge-devices.json`, written by `edge-devices record`.
"""

import os
import platform
import shutil
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from edge_common.data import DataError, decode, parse_json
from edge_devices.detection.kernel_files import children, read_bytes
from edge_devices.telemetry.temperature import Vcgencmd, run_vcgencmd

RECORDED = "edge-devices.json"
PACKAGES = ("ai-edge-litert", "tflite-runtime", "tensorflow", "numpy")
VCGENCMD_QUESTIONS = ("get_throttled", "pmic_read_adc")


@dataclass(frozen=True)
class Package:
    """An installed distribution."""

    name: str
    version: str


@dataclass(frozen=True)
class Camera:
    """A video device.  usable: whether this user may read and write it."""

    device: str
    usable: bool


@dataclass(frozen=True)
class Answer:
    """What `vcgencmd QUESTION` printed."""

    question: str
    text: str


@dataclass(frozen=True)
class Environment:
    """python: its version.  packages: those of PACKAGES that are installed.

    free_bytes: of the file system of the working folder; None: not told.
    """

    python: str
    packages: tuple[Package, ...] = ()
    cameras: tuple[Camera, ...] = ()
    free_bytes: int | None = None
    vcgencmd: tuple[Answer, ...] = field(default=(), repr=False)

    def version(self, package: str) -> str | None:
        """The installed version of a package; None if it is not installed."""
        return next((each.version for each in self.packages if each.name == package), None)


def read_environment(root: Path = Path("/")) -> Environment | None:
    """Those of this machine if `root` is `/`, else what was recorded; None without a record."""
    return _here() if is_here(root) else parse_environment(read_bytes(root / RECORDED))


def is_here(root: Path) -> bool:
    """Whether a root is this machine's own and not a recorded tree's."""
    return root.resolve() == Path("/")


def vcgencmd_of(root: Path) -> Vcgencmd:
    """How to ask the firmware: its command here, the recorded answers elsewhere."""
    if is_here(root):
        return run_vcgencmd
    recorded = read_environment(root)
    answers = {each.question: each.text for each in recorded.vcgencmd} if recorded else {}
    return answers.get


def ask_vcgencmd() -> tuple[Answer, ...]:
    """The answers to all questions that the readers ask; empty if the command is missing."""
    answers = ((question, run_vcgencmd(question)) for question in VCGENCMD_QUESTIONS)
    return tuple(Answer(question, text) for question, text in answers if text is not None)


def parse_environment(content: bytes | None) -> Environment | None:
    """Read a recorded file; None if it is missing or damaged."""
    try:
        return decode(Environment, parse_json(content or b"", RECORDED))
    except DataError:
        return None


def _here() -> Environment:
    installed = ((name, _version(name)) for name in PACKAGES)
    return Environment(
        python=platform.python_version(),
        packages=tuple(Package(name, version) for name, version in installed if version),
        cameras=tuple(
            Camera(f"/dev/{device.name}", os.access(device, os.R_OK | os.W_OK))
            for device in children(Path("/dev"), "video")
        ),
        free_bytes=_free_bytes(),
    )


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _free_bytes() -> int | None:
    try:
        return shutil.disk_usage(".").free
    except OSError:
        return None
