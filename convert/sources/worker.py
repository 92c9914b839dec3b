"""The child process that runs another library's converter.

Run as `python -m convert.sources.worker FOLDER`, which holds `job.json` and gets the
result. What it refuses on purpose stands there too, in one line.
"""

import json
import sys
from importlib import import_module
from pathlib import Path

from convert.sources.child import RESULT
from edge.errors import ModelError


def main(folder: str) -> None:
    """Convert as `job.json` says."""
    job = json.loads((Path(folder) / "job.json").read_text())
    converter = import_module(f"convert.sources.{job['kind']}")  # each imports its own library
    try:
        converter.convert(Path(job["path"]), job["signature"], Path(folder)).save(Path(folder))
    except ModelError as error:
        (Path(folder) / RESULT).write_text(json.dumps({"refused": str(error)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
