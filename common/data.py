"""Typed data from JSON and TOML, with errors that name the field and the nearest one."""

import dataclasses
import difflib
import sys
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar, Union

T = TypeVar("T")


def encode(value: Any) -> Any:
    """Turn nested dataclasses, tuples and mappings into JSON values."""
    if dataclasses.is_dataclass(value):
        return {f.name: encode(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): encode(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [encode(item) for item in value]
    return value


def decode(kind: type[T], value: Any, where: str = "") -> T:
    """Rebuild a `kind` from JSON values; raise ValueError naming the field that is wrong."""
    origin = typing.get_origin(kind)
    if origin in (Union, types.UnionType):
        inner = [arg for arg in typing.get_args(kind) if arg is not type(None)]
        return None if value is None else decode(inner[0], value, where)
    if origin is tuple:
        return _decode_tuple(typing.get_args(kind), value, where)
    if origin in (dict, Mapping):
        _expect(isinstance(value, dict), where, "an object", value)
        item = typing.get_args(kind)[1]
        return {key: decode(item, val, f"{where}.{key}") for key, val in value.items()}
    if dataclasses.is_dataclass(kind):
        return _decode_dataclass(kind, value, where)
    return _decode_scalar(kind, value, where)


def _decode_dataclass(kind: type[T], value: Any, where: str) -> T:
    _expect(isinstance(value, dict), where, "an object", value)
    hints = typing.get_type_hints(kind)
    fields = {f.name: f for f in dataclasses.fields(kind)}
    for unknown in value.keys() - fields.keys():
        raise ValueError(f"unknown field '{_join(where, unknown)}'")
    kwargs = {}
    for name, f in fields.items():
        if name in value:
            kwargs[name] = decode(hints[name], value[name], _join(where, name))
        elif f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING:
            raise ValueError(f"field '{_join(where, name)}' is missing")
    return kind(**kwargs)


def _decode_tuple(args: tuple, value: Any, where: str) -> tuple:
    _expect(isinstance(value, list), where, "a list", value)
    if len(args) == 2 and args[1] is Ellipsis:
        return tuple(decode(args[0], item, f"{where}[{i}]") for i, item in enumerate(value))
    _expect(len(value) == len(args), where, f"{len(args)} values", value)
    return tuple(decode(a, v, f"{where}[{i}]") for i, (a, v) in enumerate(zip(args, value)))


def _decode_scalar(kind: type[T], value: Any, where: str) -> T:
    if kind is Any:
        return value
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    right = isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
    _expect(right, where, {str: "text", int: "a whole number"}.get(kind, kind.__name__), value)
    return value


def _expect(condition: bool, where: str, wanted: str, value: Any) -> None:
    if not condition:
        raise ValueError(f"field '{where or 'top'}' should be {wanted}, not {value!r:.60}")


def _join(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


TableT = TypeVar("T")

_WORDS = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}


class TableError(ValueError):
    """A key is missing, unknown, or holds a value of another type; the message names it."""


def build(kind: type[TableT], table: Mapping[str, Any], where: str = "") -> TableT:
    """Make a dataclass of a table whose keys are its fields; tables in it become dataclasses.

    Fields without a default are required, other keys refused. Fields are str, bool, int, float
    (a whole number will do), tuples of these, `| None`, or dataclasses. Raises TableError.
    """
    hints = typing.get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    for key in table:
        if key not in fields:
            raise TableError(f"unknown key '{_table_join(where, key)}'{nearest(key, fields)}")
    for name, field in fields.items():
        if name not in table and _is_required(field):
            raise TableError(
                f"key '{_table_join(where, name)}' is missing{_misspelt(name, table, fields)}"
            )
    return kind(**{key: _value(hints[key], table[key], _table_join(where, key)) for key in table})


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
        _table_expect(isinstance(value, Mapping), where, f"a table, [{where}]", value)
        return build(kind, value, where)  # type: ignore[arg-type]
    if typing.get_origin(kind) is tuple:
        _table_expect(isinstance(value, list), where, "a list, [...]", value)
        item = typing.get_args(kind)[0]
        return tuple(_value(item, each, f"{where}[{i}]") for i, each in enumerate(value))
    return _table_scalar(kind, value, where)


def _table_scalar(kind: type, value: Any, where: str) -> Any:
    if kind is float and type(value) is int:
        return float(value)
    _table_expect(type(value) is kind, where, _WORDS[kind], value)
    return value


def _table_expect(condition: bool, where: str, wanted: str, value: Any) -> None:
    if not condition:
        raise TableError(f"key '{where}' should be {wanted}, not {value!r:.60}")


def _table_join(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["tomllib"]
