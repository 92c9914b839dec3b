"""Records as JSON files: checked when read, whole when written."""

import json
import os
from pathlib import Path

from edge_benchmarks.record.record import SCHEMA_VERSION, Record
from edge_common.data import decode, encode
from edge_common.errors import ConfigError
from edge_common.files import write_whole


def to_json(record: Record) -> str:
    """The record as the text of a file."""
    return json.dumps(encode(record), indent=1, allow_nan=False) + "\n"


def from_json(text: str, name: str = "record") -> Record:
    """Read a record's text. Raises ConfigError where it is another version, or no record."""
    try:
        fields = json.loads(text)
        schema = fields.get("schema") if isinstance(fields, dict) else None
        if schema != SCHEMA_VERSION:
            raise ConfigError(
                f"{name} has record version {schema}, this edge-bench reads {SCHEMA_VERSION}: "
                "measure again"
            )
        return decode(Record, fields)
    except ValueError as error:
        raise ConfigError(f"{name} is no benchmark record ({error}): measure again") from error


def read_record(path: str | os.PathLike) -> Record:
    """Read a record file. Raises ConfigError where it cannot be read or is none."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path} cannot be read ({error}): give a record of edge-bench"
        ) from error
    return from_json(text, str(path))


def write_record(path: str | os.PathLike, record: Record) -> None:
    """Write under the final name only when whole. Raises SinkError where it cannot."""
    write_whole(Path(path), to_json(record).encode())
