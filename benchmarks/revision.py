"""Which state of the project a figure belongs to."""

import subprocess
from pathlib import Path

_PROJECT = Path(__file__).resolve().parent.parent


def git_revision(project: Path = _PROJECT) -> str:
    """The commit of the checkout, `+` behind it where files differ; empty where there is none."""
    described = ["git", "describe", "--always", "--dirty=+", "--abbrev=12", "--exclude=*"]
    try:
        if not (project / ".git").exists():  # an installed package in somebody else's checkout
            return ""
        done = subprocess.run(described, cwd=project, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
