"""What `from edge import ...` gives, to a program and to its type checker."""

import os
import subprocess
import sys
from pathlib import Path

import edge
from tests.wheels import ROOMS, ROOT

PROGRAM = """
from edge import (
    Bundle, Decision, EdgeError, Frame, Gallery, Recogniser, Stream, open_bundle, read_gallery,
    write_gallery,
)

def decide(path: str, frame: Frame) -> Decision | None:
    bundle: Bundle = open_bundle(path)
    return Stream(bundle).push(frame)

gallery: Gallery = read_gallery("people.npz")
write_gallery("people.npz", gallery.without("anna"))
Recogniser(gallery, threshold="high")
Stream(open_bundle("faces-in-motion")).psuh()
"""


def test_every_public_name_is_there() -> None:
    for name in edge.__all__:
        assert getattr(edge, name) is not None


def test_a_type_checker_knows_them(tmp_path: Path) -> None:
    """Its two errors are the program's own."""
    packages = tmp_path / "packages"
    packages.mkdir()
    for folder, package in ROOMS.items():
        (packages / package).symlink_to(ROOT / folder)
    (tmp_path / "program.py").write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "program.py"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "MYPYPATH": str(packages)},
    )
    errors = [line for line in done.stdout.splitlines() if ": error: " in line]
    assert len(errors) == 2, done.stdout + done.stderr
    assert '"Recogniser" has incompatible type "str"; expected "float"' in errors[0]
    assert '"Stream" has no attribute "psuh"' in errors[1]
