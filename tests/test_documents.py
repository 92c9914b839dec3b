"""What the documents say: links lead somewhere, and commands exist with the options that are shown."""

import re
import shlex
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.recorded.commands import options
from tests.wheels import ROOT

DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob(".github/**/*.md")])
COMMANDS = {
    "edge-run": "",
    "edge-convert": "",
    "edge-train": "train",
    "edge-bench": "run",
    "edge-devices": "",
    "edge-batch": "",
    "edge-bundle": "",
    "edge-fleet": "",
}
each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)


def anchors(document: Path) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.*)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def code(text: str) -> str:
    """The fenced blocks and what stands in backticks, a line each; continued lines are joined."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    inline = re.findall(
        r"`([^`\n]+(?:\n[^`\n]+)?)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    )
    lines = [*blocks, *(line.replace("\n", " ") for line in inline)]
    return "\n".join(lines).replace("\\\n", " ")


def calls(text: str) -> Iterator[list[str]]:
    """The calls of our commands, cut into words."""
    for line in code(text).splitlines():
        for match in re.finditer(r"(?:^|[\s;&|])(edge-[a-z]+ [^;&|]*)", line):
            words = shlex.split(match[1], comments=True)
            if words and words[0] in COMMANDS:
                yield words


@cache
def known_options(command: str) -> dict[str, set[str]]:
    """The options of a command and of its subcommands."""
    always = {"--help", "--version"}
    return {
        path: {name for names in parameters for name in names.split("/")} | always
        for path, parameters in options(command).items()
    }


def options_of(words: list[str]) -> set[str]:
    """Those that a call may have: of its subcommand, or of the one that may be left out."""
    command, *arguments = words
    known = known_options(command)
    positional = [argument for argument in arguments if not argument.startswith("-")]
    paths = [
        " ".join([command, *positional[:depth]]) for depth in (2, 1) if positional[depth - 1 :]
    ]
    path = next((path for path in paths if path in known), f"{command} {COMMANDS[command]}")
    return known[command] | known.get(path, set())


@each_document
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text()):
        if re.match(r"\w+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = document.parent / name if name else document
        assert path.exists(), f"{target} is not there"
        assert not anchor or anchor in anchors(path), f"{path.name} has no heading for {target}"


@each_document
def test_commands_have_the_options_that_are_shown(document: Path) -> None:
    for words in calls(document.read_text()):
        shown = {re.split("=", word)[0] for word in words if re.match(r"--?[a-z]", word)}
        assert shown <= options_of(words), " ".join(words)


@each_document
def test_programs_and_targets_exist(document: Path) -> None:
    shown = code(document.read_text())
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for target in re.findall(r"\bmake ([a-z-]+)", shown):
        assert target in targets, f"make {target}"
    for module in re.findall(r"python3? -m ((?:edge|examples|tests)[\w.]*)", shown):
        assert find_spec(module), f"python -m {module}"


def test_the_readme_is_short() -> None:
    assert (ROOT / "README.md").read_text().count("\n") <= 200
