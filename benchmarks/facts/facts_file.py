"""Facts as JSON files."""

import json
from pathlib import Path
from typing import Any

from benchmarks.facts.facts import FACTS_SCHEMA, Facts
from edge.errors import ConfigError
from edge.typed_json import decode, encode
from edge.whole_file import write_whole


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
