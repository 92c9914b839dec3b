"""Names of bundles: those that come with this package, and files, found without opening them."""

import os
from pathlib import Path

from edge_common import BundleError

DEFAULT_BUNDLE, DEFAULT_DETECTOR = "face", "face-finder"
BENCHMARK_BUNDLE = "faces-in-motion"  # small and fast: the published timings are of it
PLAIN_SUFFIXES = (".tflite", ".lite")
_FOLDER = Path(__file__).with_name("bundles")


def shipped_bundles() -> list[str]:
    """Names of the bundles inside this package."""
    return sorted(path.stem for path in _FOLDER.glob("*.edge"))


def find_bundle(name: str | os.PathLike[str]) -> Path:
    """Resolve a path or the name of a shipped bundle."""
    path = Path(name)
    if path.exists():
        return path
    shipped = _FOLDER / f"{name}.edge"
    if shipped.exists():
        return shipped
    choice = ", ".join(shipped_bundles()) or "none"
    raise BundleError(f"there is no bundle '{name}': give a path, or a shipped name ({choice})")


def bundle_file(name: str) -> Path:
    """As `find_bundle`; what is not there is a path as well."""
    try:
        return find_bundle(name)
    except BundleError:
        return Path(name)


def is_shipped(name: str) -> bool:
    """Whether a bundle came with this package. Raises BundleError if there is none."""
    return not is_plain_tflite(name) and comes_along(find_bundle(name))


def comes_along(path: Path) -> bool:
    """Whether a file is one of those inside this package."""
    return path.resolve().parent == _FOLDER.resolve()


def is_plain_tflite(path: str) -> bool:
    """Whether the user gave a third-party .tflite instead of a bundle."""
    return Path(path).suffix.lower() in PLAIN_SUFFIXES
