"""The bundles that come with this package, found without opening them."""

import os
from importlib import resources
from pathlib import Path

from edge_common.errors import BundleError

DEFAULT_BUNDLE = "faces-in-motion"


def shipped_bundles() -> list[str]:
    """Names of the bundles inside this package."""
    folder = resources.files("edge") / "bundles"
    return sorted(f.name[: -len(".edge")] for f in folder.iterdir() if f.name.endswith(".edge"))


def find_bundle(name: str | os.PathLike[str]) -> Path:
    """Resolve a path or the name of a shipped bundle."""
    path = Path(name)
    if path.exists():
        return path
    shipped = Path(str(resources.files("edge") / "bundles" / f"{name}.edge"))
    if shipped.exists():
        return shipped
    choice = ", ".join(shipped_bundles()) or "none"
    raise BundleError(f"there is no bundle '{name}': give a path, or a shipped name ({choice})")
