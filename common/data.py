"""Typed data from TOML and JSON, with errors that name the file, the key and the nearest valid one."""

import dataclasses
import functools
import importlib
import json
import math
import re
import sys
import types
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from edge_common.console import warn_once
from edge_common.errors import ConfigError

T = TypeVar("T")

_BEYOND_INT64 = 1 << 63
_MOST_TOML_BYTES, _MOST_PARTS = 1 << 20, 50
_WORDS = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}


class DataError(ConfigError, ValueError):
    """A file cannot be read, or a key in it is missing, unknown or of another type."""


def encode(value: Any) -> Any:
    """Turn nested dataclasses, tuples and mappings into JSON values."""
    if dataclasses.is_dataclass(value):
        return {f.name: encode(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): encode(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [encode(item) for item in value]
    return value


def decode(kind: type[T], value: Any, source: str = "", *, ignore_unknown: bool = False) -> T:
    """Make a `kind` of what TOML or JSON gave; raise DataError that names the key that is wrong.

    kind: a dataclass, whose fields without a default are required, or the type of a field: str,
    bool, int, float (a whole number will do), tuple, list, dict, a dataclass, Any, or a union.
    source: the file, with which the message begins.
    ignore_unknown: pass over keys that are no fields, instead of refusing them.
    """
    try:
        return _Decoder(ignore_unknown).value(kind, value, "")  # type: ignore[no-any-return]
    except DataError as error:
        raise DataError(f"{source}: {error}" if source else str(error)) from error
    except RecursionError:
        raise DataError(f"{source or 'it'}: is nested too deeply") from None


def toml_parser() -> types.ModuleType:
    """`tomllib`, which most commands never need: Python has it from 3.11 on."""
    return importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")


def read_toml(path: Path, most_bytes: int = _MOST_TOML_BYTES) -> dict[str, Any]:
    """The content of a TOML file. Raises DataError, which begins with the path."""
    text = read_text(path, most_bytes)
    if any(_parts(piece) > _MOST_PARTS for piece in re.split(r"[,={}\n]", text)):
        raise DataError(
            f"{path}: is not TOML that can be read: a key of more than {_MOST_PARTS} parts"
        )
    try:
        content: dict[str, Any] = toml_parser().loads(text)
        return content
    except ValueError as error:  # also of a number with thousands of digits
        raise DataError(f"{path}: is not TOML: {error}") from error
    except RecursionError:
        raise DataError(f"{path}: is not TOML that can be read: it is nested too deeply") from None


def _parts(piece: str) -> int:
    """Of a key such as `a.b.c`, whose memory grows with their square; of other text about as many."""
    return sum(map(bool, map(str.strip, piece.split("."))))


def read_json(path: Path, most_bytes: int | None = None) -> Any:
    """The content of a JSON file. Raises DataError, which begins with the path."""
    return parse_json(read_text(path, most_bytes), str(path))


def parse_json(text: str | bytes, source: str) -> Any:
    """The content of a JSON text; NaN and Infinity, which JSON has not, are refused.

    Raises DataError, which begins with `source`.
    """
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except ValueError as error:
        raise DataError(f"{source}: is not JSON: {error}") from error
    except RecursionError:
        raise DataError(f"{source}: is not JSON that can be read: nested too deeply") from None


# what edge-run says beside decisions: of the board, of a source without frames, of who is there, of
# events, of other bundles
_OTHERS = ("board", "gap", "presence", "event", "update")


def read_json_lines(kind: type[T], path: Path, keep: Collection[str] = ()) -> list[tuple[str, T]]:
    """All lines of the newest run, each with its place, but empty ones.

    keep: also lines that begin with such a key, of what edge-run says beside decisions.
    Raises ConfigError that names the place.
    """
    others = tuple(f'{{"{key}":' for key in _OTHERS if key not in keep)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read ({error}): give a file of JSON lines") from error
    places = _newest_run({f"{path}, line {n}": x for n, x in enumerate(text.splitlines(), 1)}, path)
    lines = [
        (place, decode(kind, parse_json(line, place), place, ignore_unknown=True))
        for place, line in places.items()
        if line.strip() and not line.startswith(others)
    ]
    if not lines:
        raise ConfigError(f"{path} holds no lines: give a file of JSON lines")
    return lines


def _newest_run(places: dict[str, str], path: Path) -> dict[str, str]:
    """The lines behind the last `{"run": TIME}`, which edge-run adds between two runs."""
    starts = [n for n, line in enumerate(places.values(), 1) if line.startswith('{"run":')]
    if starts:
        warn_once(f"{path} holds several runs: the newest is read")
    return dict(list(places.items())[starts[-1] if starts else 0 :])


def _refuse_constant(name: str) -> None:
    raise ValueError(f"it holds {name}, which is no number")


def nearest(word: str, words: Iterable[str]) -> str:
    """`; did you mean 'cores'?`, or nothing if no word is near."""
    import difflib  # for mistakes alone

    close = difflib.get_close_matches(word, list(words), 1)
    return f"; did you mean '{close[0]}'?" if close else ""


def nearest_or_all(word: str, words: Iterable[str]) -> str:
    """`; did you mean 'cores'?`, or `; there are cores, clock` if no word is near."""
    names = list(words)
    return nearest(word, names) or f"; there are {', '.join(names)}"


def read_text(path: Path, most_bytes: int | None = None) -> str:
    """UTF-8. most_bytes: refuse a larger file before the memory is full of it."""
    try:
        with path.open("rb") as file:
            content = file.read(-1 if most_bytes is None else most_bytes + 1)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
    if most_bytes is not None and len(content) > most_bytes:
        raise DataError(f"{path}: is larger than {most_bytes >> 20} MiB")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: is not UTF-8 text: byte {error.start} cannot be decoded"
        ) from error


@dataclasses.dataclass(frozen=True)
class _Decoder:
    ignore_unknown: bool

    def value(self, kind: Any, value: Any, at: str) -> Any:
        """at: the key's place below the top, such as `cpu.caches[1]`."""
        origin, args = get_origin(kind), get_args(kind)
        if kind is Any:
            return value
        if origin in (Union, types.UnionType):
            return self._union(kind, value, at)
        if origin is list or (origin is tuple and args[1:] == (Ellipsis,)):
            _demand(isinstance(value, list), kind, value, at)
            return origin(self.value(args[0], item, f"{at}[{i}]") for i, item in enumerate(value))
        if origin is tuple:
            fits = isinstance(value, list) and len(value) == len(args)
            _demand(fits, kind, value, at)
            places = enumerate(zip(args, value))
            return tuple(self.value(each, item, f"{at}[{i}]") for i, (each, item) in places)
        if origin in (dict, Mapping):
            _demand(isinstance(value, Mapping), kind, value, at)
            for key in value:
                _demand_characters(key, at)
            return {key: self.value(args[1], item, _join(at, key)) for key, item in value.items()}
        if dataclasses.is_dataclass(kind):
            _demand(isinstance(value, Mapping), kind, value, at)
            return self._dataclass(kind, value, at)
        return _scalar(kind, value, at)

    def _union(self, kind: Any, value: Any, at: str) -> Any:
        alternatives = [each for each in get_args(kind) if each is not types.NoneType]
        if value is None and types.NoneType in get_args(kind):  # JSON has it, TOML does not
            return None
        if len(alternatives) == 1:
            return self.value(alternatives[0], value, at)
        for each in alternatives:
            try:
                return self.value(each, value, at)
            except DataError:
                continue
        raise _wrong(kind, value, at)

    def _dataclass(self, kind: Any, table: Mapping[str, Any], at: str) -> Any:
        fields = _fields(kind)
        for key in table:
            if key not in fields and not self.ignore_unknown:
                raise DataError(f"unknown key '{_join(at, key)}'{nearest_or_all(key, fields)}")
        for name, (_, required) in fields.items():
            if required and name not in table:
                raise DataError(f"key '{_join(at, name)}' is missing")
        return kind(
            **{
                name: self.value(hint, table[name], _join(at, name))
                for name, (hint, _) in fields.items()
                if name in table
            }
        )


@functools.cache
def _fields(kind: Any) -> dict[str, tuple[Any, bool]]:
    """Type of each field of a dataclass, and whether it is required."""
    hints = get_type_hints(kind)
    return {
        field.name: (
            hints[field.name],
            field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING,
        )
        for field in dataclasses.fields(kind)
    }


def _scalar(kind: Any, value: Any, at: str) -> Any:
    is_bool = isinstance(value, bool)
    if kind is float and isinstance(value, int) and not is_bool:
        try:
            return float(value)
        except OverflowError:
            raise _wrong(kind, value, at) from None
    _demand(isinstance(value, kind) and (kind is bool or not is_bool), kind, value, at)
    if kind is int and not -_BEYOND_INT64 <= value < _BEYOND_INT64:
        raise DataError(f"key '{at}' is a whole number beyond 64 bits")
    if kind is str:
        _demand_characters(value, at)
    _demand(kind is not float or math.isfinite(value), kind, value, at)
    return value


def _demand_characters(text: str, at: str) -> None:
    """JSON can hold halves of characters, which no file, terminal or library takes."""
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise DataError(f"key '{at}' holds half a character (a lone surrogate)")


def _demand(condition: bool, kind: Any, value: Any, at: str) -> None:
    if not condition:
        raise _wrong(kind, value, at)


def _wrong(kind: Any, value: Any, at: str) -> DataError:
    subject = f"key '{at}'" if at else "it"
    return DataError(f"{subject} should be {_expected(kind)}, not {value!r:.60}")


def _expected(kind: Any) -> str:
    origin, args = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return " or ".join(_expected(each) for each in args if each is not types.NoneType)
    if origin is tuple and args[1:] != (Ellipsis,):
        return f"{len(args)} values, [...]"
    if origin in (tuple, list):
        return "a list, [...]"
    if origin in (dict, Mapping) or dataclasses.is_dataclass(kind):
        return "a table, {...}"
    return _WORDS.get(kind) or str(kind.__name__)


def _join(at: str, name: str) -> str:
    return f"{at}.{name}" if at else name
