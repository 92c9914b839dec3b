"""A process of its own, whose last line on stdout is what it found out, as JSON."""

import json
import subprocess
from collections.abc import Sequence
from typing import Any

from edge.errors import EngineError, EngineHung

_TIMEOUT_S = 600


def found_by(command: Sequence[str]) -> Any:
    """Run a command to its end. Raises EngineError where it fails or does not end.

    EngineHung where a frame did not come to its end.
    """
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S)
    except subprocess.TimeoutExpired as error:
        raise EngineError(
            f"a fresh process gave no result in {_TIMEOUT_S} s: does the source deliver frames?"
        ) from error
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        failure = EngineHung if done.returncode == EngineHung.exit_code else EngineError
        raise failure(f"a fresh process failed ({reason})")
    return json.loads(done.stdout.strip().splitlines()[-1])
