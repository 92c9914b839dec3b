"""Where this project keeps what it built or fetched once."""

import os
from collections.abc import Mapping
from pathlib import Path


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """`$XDG_CACHE_HOME/edge-run`, else `~/.cache/edge-run`; a relative one is no setting."""
    base = environment.get("XDG_CACHE_HOME", "")
    folder = Path(base) if os.path.isabs(base) else Path(os.path.expanduser("~"), ".cache")
    return folder / "edge-run"
