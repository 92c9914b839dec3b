"""TOML tables to frozen dataclasses, strictly, with errors that name the key and the nearest one."""

import dataclasses
import difflib
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar, Union

T = TypeVar("T")

_WORDS = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}


class TableError(ValueError):
    """A key is missing, unknown, or holds a value of another type; the message names it."""


def build(kind: type[T], table: Mapping[str, Any], where: str = "") -> T:
    """Make a dataclass of a table whose keys are its fields; tables in it become dataclasses.

    Fields without a default are required, other keys refused. Fields are str, bool, int, float
    (a whole number will do), tuples of these, `| None`, or dataclasses. Raises TableError.
    """
    hints = typing.get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    for key in table:
        if key not in fields:
            raise TableError(f"unknown key '{_join(where, key)}'{nearest(key, fields)}")
    for name, field in fields.items():
        if name not in table and _is_required(field):
            raise TableError(
                f"key '{_join(where, name)}' is missing{_misspelt(name, table, fields)}"
            )
    return kind(**{key: _value(hints[key], table[key], _join(where, key)) for key in table})


def nearest(word: str, words: Iterable[str]) -> str:
    """`; did you mean 'cores'?`, or nothing where no word is near."""
    close = difflib.get_close_matches(word, list(words), 1)
    return f"; did you mean '{close[0]}'?" if close else ""


def _is_required(field: "dataclasses.Field[Any]") -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _misspelt(name: str, table: Mapping[str, Any], fields: Iterable[str]) -> str:
    return nearest(name, set(table) - set(fields))


def _value(kind: Any, value: Any, where: str) -> Any:
    if typing.get_origin(kind) in (Union, types.UnionType):
        if value is None:  # JSON has it, TOML does not
            return None
        kind = next(arg for arg in typing.get_args(kind) if arg is not type(None))
    if dataclasses.is_dataclass(kind):
        _expect(isinstance(value, Mapping), where, f"a table, [{where}]", value)
        return build(kind, value, where)  # type: ignore[arg-type]
    if typing.get_origin(kind) is tuple:
        _expect(isinstance(value, list), where, "a list, [...]", value)
        item = typing.get_args(kind)[0]
        return tuple(_value(item, each, f"{where}[{i}]") for i, each in enumerate(value))
    return _scalar(kind, value, where)


def _scalar(kind: type, value: Any, where: str) -> Any:
    if kind is float and type(value) is int:
        return float(value)
    _expect(type(value) is kind, where, _WORDS[kind], value)
    return value


def _expect(condition: bool, where: str, wanted: str, value: Any) -> None:
    if not condition:
        raise TableError(f"key '{where}' should be {wanted}, not {value!r:.60}")


def _join(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name
