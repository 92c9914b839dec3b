"""Whether the workers of a cluster share folders with this machine, found out before they work."""

import hashlib
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edge_common import ConfigError, EdgeError, write_whole


def refuse_unshared(client: Any, folder: Path, places: Sequence[Path], module: str) -> None:
    """Raises ConfigError if a worker cannot write into `folder`, lacks a place, or has no such module."""
    with tempfile.TemporaryDirectory(prefix=".shared-", dir=folder) as own:
        shared = Path(own).absolute()
        token = shared.name  # which nobody else's folder has
        write_whole(shared / token, token.encode())
        missing: dict[str, list[str]] = client.run(
            _missing, shared / token, [place.absolute() for place in places], module
        )
        answered = {
            worker for worker in missing if shared.joinpath(_answer(token, worker)).exists()
        }
    for worker, things in missing.items():
        if not things and worker not in answered:
            things = [str(folder)]
        if things:
            raise ConfigError(
                f"worker {worker} does not share {', '.join(things)} with this machine: put all on a shared "
                "file system under the same name, with a clone of edge-run that workers run from"
            )


def _missing(token: Path, places: Sequence[Path], module: str, dask_worker: Any) -> list[str]:
    """What this worker lacks; it leaves a file beside the token."""
    missing = [str(place) for place in places if not place.exists()]
    try:
        write_whole(token.with_name(_answer(token.read_text(), dask_worker.address)), b"")
    except (OSError, EdgeError):
        missing.insert(0, str(token.parent.parent))
    if not Path(__file__).resolve().parent.parent.joinpath(*module.split(".")).is_dir():
        missing.append(f"the module {module}")
    return missing


def _answer(token: str, worker: str) -> str:
    return f"{token}-{hashlib.sha256(worker.encode()).hexdigest()}"
