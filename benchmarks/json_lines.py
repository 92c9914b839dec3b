"""JSON lines written by others, read with errors that name file and line."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.errors import ConfigError


@dataclass(frozen=True)
class Line:
    """One JSON object and where it stands."""

    path: Path
    number: int
    fields: dict[str, Any]

    def error(self, what: str) -> ConfigError:
        return ConfigError(f"{self.path}, line {self.number}: {what}")

    def whole(self, name: str) -> int:
        """A field that has to be a whole number."""
        value = self._field(name)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.error(f"'{name}' should be a whole number, not {value!r:.40}")
        return value

    def mapping(self, name: str) -> dict[str, Any]:
        """A field that has to be an object."""
        value = self._field(name)
        if not isinstance(value, dict):
            raise self.error(f"'{name}' should be an object, not {value!r:.40}")
        return value

    def _field(self, name: str) -> Any:
        if name not in self.fields:
            raise self.error(f"the field '{name}' is missing")
        return self.fields[name]


def read_lines(path: Path) -> list[Line]:
    """All lines but empty ones. Raises ConfigError where one is no JSON object, or none is."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read ({error}): give a file of JSON lines") from error
    numbered = enumerate(text.splitlines(), start=1)
    lines = [_parse(path, number, line) for number, line in numbered if line.strip()]
    if not lines:
        raise ConfigError(f"{path} holds no lines: give a file of JSON lines")
    return lines


def _parse(path: Path, number: int, text: str) -> Line:
    try:
        fields = json.loads(text)
    except ValueError as error:
        raise ConfigError(f"{path}, line {number}: this is no JSON ({error})") from error
    if not isinstance(fields, dict):
        raise ConfigError(f"{path}, line {number}: an object is needed, not {text.strip():.40}")
    return Line(path, number, fields)
