"""Records as JSON files: checked when read, whole when written."""

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from edge_benchmarks.record.record import SCHEMA_VERSION, Record
from edge_benchmarks.scenarios import catalogue
from edge_common.data import decode, encode
from edge_common.errors import ConfigError
from edge_common.files import write_whole


def to_json(record: Record) -> str:
    """The record as the text of a file."""
    fields = encode(record)
    results = {each.key(): encode(each.result_of(record)) for each in catalogue.SCENARIOS}
    text = json.dumps(fields | {"scenarios": results}, indent=1, allow_nan=False)
    return text + "\n"


def from_json(text: str, name: str = "record") -> Record:
    """Read a record's text. Raises ConfigError if it is another version, or no record."""
    try:
        fields = json.loads(text)
        schema = fields.get("schema") if isinstance(fields, dict) else None
        if schema != SCHEMA_VERSION:
            raise ConfigError(
                f"{name} has record version {schema}, this edge-bench reads {SCHEMA_VERSION}: "
                "measure again"
            )
        record = decode(Record, fields)
        return replace(record, scenarios=_results(record.scenarios))
    except ValueError as error:
        raise ConfigError(f"{name} is no benchmark record ({error}): measure again") from error


def _results(encoded: Mapping[str, Any]) -> dict[str, Any]:
    """The results of the scenarios that were run. Raises ValueError for an unknown scenario."""
    types = {each.key(): each.result_type() for each in catalogue.SCENARIOS}
    for unknown in encoded.keys() - types.keys():
        raise ValueError(f"unknown field 'scenarios.{unknown}'")
    return {
        key: decode(result_type, encoded[key], f"scenarios.{key}")
        for key, result_type in types.items()
        if encoded.get(key) is not None
    }


def read_record(path: str | os.PathLike) -> Record:
    """Read a record file. Raises ConfigError if it cannot be read or is none."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path} cannot be read ({error}): give a record of edge-bench"
        ) from error
    return from_json(text, str(path))


def write_record(path: str | os.PathLike, record: Record) -> None:
    """Write under the final name only when whole. Raises SinkError if it cannot."""
    write_whole(Path(path), to_json(record).encode())
