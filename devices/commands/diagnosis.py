"""A diagnosis as text: what is worst first, advice below, one line that sums it up."""

from collections.abc import Mapping

import click

from devices.commands.layout import hanging
from devices.doctor import Finding, Status

_ORDER = (Status.PROBLEM, Status.WARNING, Status.OK)
_COLOURS = {Status.PROBLEM: "red", Status.WARNING: "yellow", Status.OK: "green"}
_STATUS_WIDTH, _NAME_WIDTH = 9, 17


def diagnosis_text(findings: Mapping[str, Finding]) -> str:
    """All findings, and how many there are of each kind."""
    lines = [
        line
        for status in _ORDER
        for name, finding in findings.items()
        if finding.status is status
        for line in _lines(name, finding)
    ]
    return "\n".join([*lines, "", _summary(findings)])


def _lines(name: str, finding: Finding) -> list[str]:
    word = f"{finding.status.value:<{_STATUS_WIDTH}}"
    told = hanging(f"{word}{name:<{_NAME_WIDTH}}", finding.what)
    coloured = click.style(word, fg=_COLOURS[finding.status]) + told[len(word) :]
    margin = " " * (_STATUS_WIDTH + _NAME_WIDTH)
    advice = hanging(f"{margin}-> ", finding.advice)
    command = f"{margin}   {finding.command}"  # in one piece, to be copied
    return [
        coloured,
        *([advice] if finding.advice else []),
        *([command] if finding.command else []),
    ]


def _summary(findings: Mapping[str, Finding]) -> str:
    counts = {
        status: sum(finding.status is status for finding in findings.values()) for status in _ORDER
    }
    problems, warnings, fine = counts.values()
    return (
        f"{_count(problems, 'problem')}, {_count(warnings, 'warning')}, "
        f"{_count(fine, 'check')} without complaint"
    )


def _count(number: int, word: str) -> str:
    return f"{number or 'no'} {word}{'s' * (number != 1)}"
