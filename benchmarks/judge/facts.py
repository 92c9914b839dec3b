"""The facts of a bundle: the typed form of `NAME.facts.json`."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edge_benchmarks.inside.instructions import Instructions
from edge_benchmarks.record.record import BundleRecord, Record, TaskFigure
from edge_common.data import decode, encode
from edge_common.errors import ConfigError
from edge_common.files import write_whole

FACTS_SCHEMA = 1
UNSURE = -1  # a decision that other instruction sets may round to another label


@dataclass(frozen=True)
class GoldenFacts:
    """What the bundle decides on its own golden frames.

    passed: whether that is what was decided when it was made; failure: what is not.
    decisions: of each classification the index of each label, -1 where it leads by little.
    """

    frames_sha256: str
    passed: bool
    failure: str = ""
    decisions: dict[str, tuple[int, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Facts:
    """What needs no clock. No date stands in it: the same bundle gives the same file.

    operators: how often each stands in the graph, by the parts' roles.
    left_to_other_kernels: those that XNNPACK does not take. None: not found out.
    invocations: of each part for one frame, counted over streamed frames.
    accuracy: measured on `data`, or where `measured` is False as the bundle itself says.
    golden: None where the bundle holds no golden frames.
    instructions: of one inference, by emulated board and the parts' roles; empty: not counted.
    """

    facts_schema: int
    bundle: BundleRecord
    runtime: str
    runtime_version: str
    operators: dict[str, dict[str, int]] | None = None
    left_to_other_kernels: dict[str, dict[str, int]] | None = None
    invocations: dict[str, float] = field(default_factory=dict)
    accuracy: tuple[TaskFigure, ...] = ()
    data: str = ""
    measured: bool = False
    golden: GoldenFacts | None = None
    instructions: Instructions = field(default_factory=dict)


def facts_of(record: Record) -> Facts:
    """What a record of edge-bench holds of them."""
    return Facts(
        FACTS_SCHEMA,
        record.bundle,
        record.setup.runtime,
        record.setup.runtime_version,
        invocations=record.streamed.invocations,
        accuracy=record.streamed.accuracy,
        data=record.data,
        measured=True,
        instructions=record.instructions,
    )


def facts_to_json(facts: Facts) -> str:
    """The facts as the text of a file."""
    return json.dumps(encode(facts), indent=1, allow_nan=False) + "\n"


def facts_from_fields(fields: dict[str, Any], name: str) -> Facts:
    """Raises ConfigError where they are of another version, or none."""
    schema = fields.get("facts_schema")
    if schema != FACTS_SCHEMA:
        raise ConfigError(
            f"{name} has facts version {schema}, this edge-bench reads {FACTS_SCHEMA}: "
            "make it again with edge-bench facts"
        )
    try:
        return decode(Facts, fields)
    except ValueError as error:
        raise ConfigError(
            f"{name} holds no facts of a bundle ({error}): make it again with edge-bench facts"
        ) from error


def write_facts(path: Path, facts: Facts) -> None:
    """Write under the final name only when whole. Raises SinkError where it cannot."""
    write_whole(path, facts_to_json(facts).encode())
