"""This very project as a wheel, packed from the files that are running.

Not built: `pip wheel` needs a source tree, and setuptools from the internet. An installed
package and an editable one alike know their metadata and where their packages lie, and a
wheel is no more than these in a zip with a list of hashes (PEP 427). So there is one way
for both, it works offline, and the board gets exactly the code that asks it. In an editable
installation the dependencies are those of the last `pip install -e`.
"""

import base64
import hashlib
import importlib.util
import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from edge_benchmarks.remote.board import RemoteError

PROJECT = "edge-run"
_WHEEL = "Wheel-Version: 1.0\nGenerator: edge-bench\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
_SAME_TIME = (1980, 1, 1, 0, 0, 0)  # the same files give the same bytes


@dataclass(frozen=True)
class Wheel:
    """name: of the file.  content: its bytes."""

    name: str
    content: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def project_wheel() -> Wheel:
    """Pack the running project. Raises RemoteError if it is not installed."""
    project = distribution()
    stem = f"{PROJECT.replace('-', '_')}-{project.version}"
    members = dict(_packages(project))
    for name, content in _metadata(project):
        members[f"{stem}.dist-info/{name}"] = content
    return Wheel(f"{stem}-py3-none-any.whl", zip_wheel(members, f"{stem}.dist-info/RECORD"))


def distribution() -> metadata.Distribution:
    """The installed project. Raises RemoteError if there is none."""
    try:
        return metadata.distribution(PROJECT)
    except metadata.PackageNotFoundError as error:
        raise RemoteError(
            f"{PROJECT} is not installed here, so that it cannot be sent: pip install ."
        ) from error


def supports(version: tuple[int, int]) -> bool:
    """Whether the project runs on this Python (major, minor)."""
    specifier = distribution().metadata["Requires-Python"] or ""
    bounds = re.findall(r"(>=|<)\s*(\d+)\.(\d+)", specifier)
    limits = [(kind, (int(major), int(minor))) for kind, major, minor in bounds]
    return all(version >= bound if kind == ">=" else version < bound for kind, bound in limits)


def _packages(project: metadata.Distribution) -> Iterator[tuple[str, bytes]]:
    """Each file of each package, by its name in the wheel."""
    for package in (project.read_text("top_level.txt") or "").split():
        spec = importlib.util.find_spec(package)
        for folder in spec.submodule_search_locations or [] if spec else []:
            root = Path(folder)
            for path in sorted(root.rglob("*")):
                inside = path.relative_to(root)
                if path.is_file() and _belongs(inside):
                    yield f"{package}/{inside.as_posix()}", path.read_bytes()


def _belongs(path: Path) -> bool:
    """Neither compiled nor hidden."""
    return path.suffix != ".pyc" and not any(part.startswith(".") for part in path.parts)


def _metadata(project: metadata.Distribution) -> Iterator[tuple[str, bytes]]:
    # a source tree's egg-info has METADATA under another name
    yield (
        "METADATA",
        (project.read_text("METADATA") or project.read_text("PKG-INFO") or "").encode(),
    )
    yield "WHEEL", _WHEEL.encode()
    for name in ("entry_points.txt", "top_level.txt"):
        yield name, (project.read_text(name) or "").encode()
    for name in project.metadata.get_all("License-File") or []:
        text = project.read_text(f"licenses/{name}")
        if text is not None:
            yield f"licenses/{name}", text.encode()


def zip_wheel(members: dict[str, bytes], record: str) -> bytes:
    """A wheel's bytes: the members, and their list of hashes under the name `record`."""
    lines = [f"{name},sha256={_hash(content)},{len(content)}" for name, content in members.items()]
    members = {**members, record: "\n".join([*lines, f"{record},,", ""]).encode()}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            entry = zipfile.ZipInfo(name, _SAME_TIME)
            entry.external_attr, entry.compress_type = 0o100644 << 16, zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return buffer.getvalue()


def _hash(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
