"""Commands that a build is made of."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from edge_common.children import run_captured
from edge_common.errors import BuildFailed

_TIMEOUT_S = 900


def run(
    command: Sequence[str],
    step: str,
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> str:
    """Run a command to its end; its stdout.

    Raises BuildFailed, with the last line that it said, where it fails or does not end.
    """
    try:
        process = run_captured(command, cwd=cwd, environment=env, timeout_s=_TIMEOUT_S)
    except subprocess.TimeoutExpired as error:
        raise BuildFailed(f"{step} did not end in {_TIMEOUT_S} s: try again") from error
    if process.returncode != 0:
        raise BuildFailed(f"{step} failed: {_reason(process.stderr)}")
    return process.stdout


def _reason(stderr: str) -> str:
    """The last line that is an error, else the last one."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith(("e:", "error"))]
    return (errors or lines or ["no reason given"])[-1][:300]
