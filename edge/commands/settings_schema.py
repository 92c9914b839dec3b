"""What a settings file may hold, made of the command's options and of the alerts' fields."""

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields
from functools import cache
from types import GenericAlias, ModuleType
from typing import Annotated, Any, Literal, get_type_hints

import click

from edge.commands.options import RateParam
from edge.commands.plain import Numbers
from edge.updates.rules import UpdateRules as UpdateRules
from edge_common import ConfigError, command_line, toml_lines

# what is said on the command line alone
_NOT_IN_A_FILE = {"config", "check", "help", "version"}
TABLES = ("output", "alert", "update")  # that stand for no option
_OUTPUTS = "Where decisions and events go: kind, target, and the kind's own options."
_UPDATE = "Takes other versions of the bundle while it runs, and what they have to pass."
Definition = tuple[str, Any, Any]


def msgspec() -> ModuleType:
    """Of the extra `config`. Raises ConfigError if it is not installed."""
    try:
        import msgspec as library
    except ModuleNotFoundError:
        hint = command_line.install_hint("config")
        raise ConfigError(f"--config needs msgspec: {hint}") from None
    return library


def parameters(command: click.Command) -> dict[str, click.Parameter]:
    """By the keys that they have in a file: their long options, with _ for -."""
    return {_key(each): each for each in command.params if each.name not in _NOT_IN_A_FILE}


def _key(parameter: click.Parameter) -> str:
    return max(parameter.opts, key=len).lstrip("-").replace("-", "_")


@cache
def settings_table(command: click.Command) -> Any:
    """The struct of a whole file."""
    tables = {"camera": camera_table(), "zone": zone_table()}
    definitions: list[Definition] = []
    for key, each in parameters(command).items():
        kind = _type_of(each)
        if key in tables:
            kind = _list_of(str | int | tables[key])
        text = (getattr(each, "help", None) or "").replace("\b", "").strip()
        definitions.append((key, _described(kind | None, text), None))
    outputs = _list_of(GenericAlias(dict, (str, str | int | float | bool | _secret())))
    alerts = _list_of(alert_table())
    definitions.append(("output", _described(outputs, _OUTPUTS), []))
    definitions.append(("alert", _described(alerts, "What is told as an event."), []))
    definitions.append(("update", _described(update_table() | None, _UPDATE), None))
    return _struct("Settings", definitions)


def _struct(name: str, definitions: list[Definition], **more: Any) -> Any:
    return msgspec().defstruct(name, definitions, kw_only=True, forbid_unknown_fields=True, **more)


def _list_of(kind: Any) -> Any:
    """Of a type that is made here."""
    return GenericAlias(list, (kind,))


def _described(kind: Any, text: str, **limits: Any) -> Any:
    return Annotated[kind, msgspec().Meta(description=text, **limits)]


@cache
def _secret() -> Any:
    return _struct("Secret", [("env", str | None, None), ("file", str | None, None)])


# of a source, as the options of the command line are called
CAMERA_OPTIONS = {
    "size": str,
    "fps": float,
    "fourcc": str,
    "stdin_format": str,
    "insecure": bool,
    "stall_after": float,
    "give_up_after": float,
}


@cache
def camera_table() -> Any:
    definitions: list[Definition] = [
        ("name", _described(str | None, "What alerts and outputs call it."), None),
        ("camera", _described(str | int | None, "As --camera has it; or else"), None),
        ("source", _described(str | None, "as --source has it."), None),
        ("login", _described(str | _secret() | None, "As --login has it."), None),
    ]
    definitions += [(key, kind | None, None) for key, kind in CAMERA_OPTIONS.items()]
    return _struct("Camera", definitions)


@cache
def zone_table() -> Any:
    points = _described(list[tuple[float, float]], "Pixels, or shares of the frame.")
    return _struct(
        "Zone", [("name", str, msgspec().NODEFAULT), ("points", points, msgspec().NODEFAULT)]
    )


@cache
def clip_table() -> Any:
    from edge.events.alert import ClipLength

    hints = get_type_hints(ClipLength)
    return _struct("Clip", [_definition(each, hints[each.name]) for each in fields(ClipLength)])


@cache
def update_table() -> Any:
    hints = get_type_hints(UpdateRules)
    return _struct("Update", [_definition(each, hints[each.name]) for each in fields(UpdateRules)])


def update_items(content: Mapping[str, Any]) -> list[tuple[toml_lines.Place, Mapping[str, Any]]]:
    """The table and its place, if there is one."""
    table = content.get("update")
    return [(("update",), table)] if isinstance(table, dict) else []


def update_rules(content: Mapping[str, Any]) -> UpdateRules | None:
    """Of settings that fit the schema."""
    return UpdateRules(**content["update"]) if "update" in content else None


@cache
def alert_table() -> Any:
    from edge.events.alert import Alert

    hints = {**get_type_hints(Alert), "clip": clip_table() | bool}
    named = [each for each in fields(Alert) if "doc" in each.metadata]
    renamed = {each.name: key for each in named if (key := each.metadata.get("key"))}
    definitions = [_definition(each, hints[each.name]) for each in named]
    return _struct("Alert", definitions, rename=renamed)


def _definition(each: "Field[Any]", kind: Any) -> Definition:
    limits = {key: each.metadata[key] for key in ("ge", "le") if key in each.metadata}
    default = None if each.default is MISSING else each.default
    if limits and kind == float | None:
        return each.name, _described(float, each.metadata["doc"], **limits) | None, default
    return each.name, _described(kind, each.metadata["doc"], **limits), default


def _type_of(parameter: click.Parameter) -> Any:
    kind = _value_type(parameter.type)
    if isinstance(parameter, click.Option) and parameter.is_flag:
        return bool
    if is_once(parameter):
        return kind
    if parameter.nargs > 1:
        return _list_of(kind)
    return _list_of(kind) if isinstance(parameter, click.Option) and parameter.multiple else kind


def is_once(parameter: click.Parameter) -> bool:
    """Whether click holds its only value in a list."""
    return isinstance(parameter, command_line.Once)


def is_numbers(parameter: click.Parameter, value: object) -> bool:
    """Whether a list is one value, which click reads from a text."""
    return isinstance(parameter.type, Numbers) and isinstance(value, list)


def _value_type(kind: "click.ParamType[Any]") -> Any:
    if isinstance(kind, click.Choice):
        return Literal[tuple(kind.choices)]
    if isinstance(kind, click.IntRange | click.FloatRange):
        number = int if isinstance(kind, click.IntRange) else float
        return _described(number, "", **dict(_limits(kind)))
    if isinstance(kind, RateParam):
        return float | str
    if isinstance(kind, Numbers):
        return list[float] | str
    return str


def _limits(kind: "click.IntRange | click.FloatRange") -> Iterator[tuple[str, float]]:
    if kind.min is not None:
        yield ("gt" if kind.min_open else "ge"), kind.min
    if kind.max is not None:
        yield ("lt" if kind.max_open else "le"), kind.max
