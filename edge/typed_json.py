"""Frozen dataclasses to plain JSON values and back, with errors that name the field."""

import dataclasses
import types
import typing
from collections.abc import Mapping
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
