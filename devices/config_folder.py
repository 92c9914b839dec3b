"""Where a user keeps what belongs to boards: own profiles, own records."""

import os
from pathlib import Path


def config_folder(name: str) -> Path:
    """`$XDG_CONFIG_HOME/edge/NAME`, else `~/.config/edge/NAME` (XDG Base Directory Specification)."""
    base = os.environ.get("XDG_CONFIG_HOME", "")
    folder = Path(base) if os.path.isabs(base) else Path(os.path.expanduser("~"), ".config")
    return folder / "edge" / name
