"""`--config FILE`: a run's settings in TOML, checked before anything is opened.

Its keys are the command's own options, so that there is none which a file cannot hold, and tables of
cameras, zones, outputs and alerts. Each value goes the way that the command line's goes.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge import sinks
from edge.commands import settings_schema as schema
from edge_common import ConfigError, EdgeError, data, toml_lines

if TYPE_CHECKING:
    from edge.events.alert import Alert

_CAMERA_KEYS = {"fps": "rate"}  # options of a source that have other names
# as TOML calls what msgspec names after Python and JSON
_KINDS_OF_VALUES = {
    "int": "an integer", "float": "a number", "str": "a string", "bool": "true or false",
    "array": "an array", "object": "a table",
}  # fmt: skip
_AT = re.compile(r"(.*) - at `\$\.?(.*)`$", re.DOTALL)


@dataclass(frozen=True)
class Settings:
    """What a file says.

    defaults: of the command's parameters, by their names.
    names: of cameras that have one, by their addresses.
    lines: of all keys.  texts: of all values that are text, with the lines that they stand on.
    """

    path: Path
    defaults: Mapping[str, Any]
    alerts: "tuple[Alert, ...]" = ()
    update: schema.UpdateRules | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    lines: Mapping[toml_lines.Place, int] = field(default_factory=dict)
    texts: Sequence[tuple[str, int]] = ()

    def located(self, message: str) -> str:
        """With the line that a message means, by the option or the value that it names."""
        if message.startswith(str(self.path)):
            return message
        options = [
            ((match.start(), len(place)), line)
            for place, line in self.lines.items()
            if (match := re.search(rf"--{_name_of(place).replace('_', '-')}\b(?!-)", message))
        ]
        texts = [
            ((message.find(text), -len(text)), line) for text, line in self.texts if text in message
        ]
        for _, line in sorted(options) or sorted(texts):
            return f"{self.path}, line {line}: {message}"
        return message


def read(path: Path, command: click.Command, context: click.Context) -> Settings:
    """Raises ConfigError that names the file, the line and what is wrong."""
    content = data.read_toml(path)
    lines = toml_lines.line_numbers(data.read_text(path))
    return _Reader(path, command, context, lines).settings(content)


def json_schema(command: click.Command) -> str:
    """For editors, which complete and check a file by it."""
    library = schema.msgspec()
    described = library.json.schema(schema.settings_table(command))
    return json.dumps({"title": "edge-run --config", **described}, indent=2)


@dataclass(frozen=True)
class _Reader:
    path: Path
    command: click.Command
    context: click.Context
    lines: Mapping[toml_lines.Place, int]

    def settings(self, content: dict[str, Any]) -> Settings:
        table = schema.settings_table(self.command)
        self._refuse_unknown(content, table)
        library = schema.msgspec()
        try:
            typed = library.convert(content, table)
        except library.ValidationError as error:
            raise self._wrong_type(str(error)) from None
        values = {
            key: value
            for key in content
            if key not in schema.TABLES and (value := getattr(typed, key)) is not None
        }
        cameras = values.pop("camera", [])
        addresses = [self._address(n, each) for n, each in enumerate(cameras)]
        values["source"] = [a for a in addresses if a] + values.get("source", [])
        values["zone"] = [self._zone(n, each) for n, each in enumerate(values.get("zone", []))]
        outputs = [self._output(n, each) for n, each in enumerate(content.get("output", []))]
        values["sink"] = [*values.get("sink", []), *outputs]
        names = {
            address: camera.name
            for address, camera in zip(addresses, cameras)
            if getattr(camera, "name", None)
        }
        alerts = tuple(self._alert(n, each) for n, each in enumerate(content.get("alert", [])))
        self._refuse_alike(alerts)
        return Settings(
            self.path,
            dict(self._defaults(values)),
            alerts,
            schema.update_rules(content),
            names,
            self.lines,
            tuple(self._texts(content, ())),
        )

    def _error(self, place: toml_lines.Place, problem: str) -> ConfigError:
        return ConfigError(f"{self._where(place)}: {problem}")

    def _where(self, place: toml_lines.Place) -> str:
        while place and place not in self.lines:
            place = place[:-1]
        return f"{self.path}, line {self.lines.get(place, 1)}"

    def _refuse_unknown(self, content: Mapping[str, Any], table: Any) -> None:
        alerts = _items(content, "alert")
        clips = [((*place, "clip"), item.get("clip")) for place, item in alerts]
        tables: list[tuple[Any, list[tuple[toml_lines.Place, Mapping[str, Any]]]]] = [
            (table, [((), content)]),
            (schema.alert_table(), alerts),
            (
                schema.clip_table(),
                [(place, clip) for place, clip in clips if isinstance(clip, dict)],
            ),
            (schema.camera_table(), _items(content, "camera")),
            (schema.zone_table(), _items(content, "zone")),
            (schema.update_table(), schema.update_items(content)),
        ]
        for kind, items in tables:
            keys = kind.__struct_encode_fields__
            for place, item in items:
                for key in item:
                    if key not in keys:
                        hint = data.nearest_or_all(key, keys)
                        raise self._error((*place, key), f"unknown key '{key}'{hint}")

    def _wrong_type(self, message: str) -> ConfigError:
        """msgspec's own message, which ends with a path such as `$.alert[0].above`."""
        match = _AT.match(message)
        problem, path = match.groups() if match else (message, "")
        keys = re.findall(r"[^.\[\]]+", path)
        place = tuple(int(key) if key.isdecimal() else key for key in keys if key != "...")
        name = next((key for key in reversed(keys) if not key.isdecimal() and key != "..."), "")
        problem = problem[:1].lower() + problem[1:].replace(" | null", "")
        problem = re.sub(r"`(\w+)`", lambda kind: _KINDS_OF_VALUES.get(kind[1], kind[0]), problem)
        return self._error(place, f"{name}: {problem}" if name else problem)

    def _defaults(self, values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        """What click takes for a parameter's default, once it has found nothing wrong with it."""
        for key, parameter in schema.parameters(self.command).items():
            if not (value := values.get(key)) and value != 0:
                continue
            value = ",".join(map(str, value)) if schema.is_numbers(parameter, value) else value
            value = [value] if schema.is_once(parameter) else value
            try:
                parameter.type_cast_value(self.context, value)
            except click.BadParameter as error:
                raise self._error((key,), f"{key}: {error.message}") from None
            yield parameter.name or key, value

    def _address(self, number: int, camera: Any) -> str:
        """A camera as `--source` takes it."""
        if isinstance(camera, str | int):
            return f"camera:{camera}"
        place = ("camera", number)
        if (camera.camera is None) == (camera.source is None):
            raise self._error(place, "a camera has one of camera = N and source = 'URI'")
        target = camera.source if camera.camera is None else f"camera:{camera.camera}"
        options = {}
        for key in schema.CAMERA_OPTIONS:
            if (value := getattr(camera, key)) is None or value is False:
                continue
            options[_CAMERA_KEYS.get(key, key)] = _option_text(value)
        if size := options.pop("size", ""):
            match = re.fullmatch(r"(\d{2,5})x(\d{2,5})", size)
            if not match:
                raise self._error((*place, "size"), f"size: '{size}' is none: write it as 640x480")
            options |= {"width": match[1], "height": match[2]}
        if camera.login is not None:
            options["login"] = self._secret((*place, "login"), camera.login)
        text = ",".join(f"{key}={value}" for key, value in options.items())
        return f"{target}:{text}" if text else target

    def _zone(self, number: int, zone: Any) -> str:
        """A zone as `--zone` takes it."""
        from edge.tracks import zones

        text, place = zone, ("zone", number, "points")
        if not isinstance(zone, str):
            text = f"{zone.name}={','.join(f'{x:g},{y:g}' for x, y in zone.points)}"
        try:
            return str(zones.Zone.parse(text))
        except EdgeError as error:
            raise self._error(place, str(error)) from None

    def _secret(self, place: toml_lines.Place, value: Any) -> str:
        """As options have it: `env:NAME`, or a file that nobody else may read."""
        if isinstance(value, str):
            return value
        env, file = _secret_parts(value)
        if (env is None) == (file is None):
            raise self._error(place, "a secret is {env = 'NAME'} or {file = 'PATH'}")
        return f"env:{env}" if env is not None else str(file)

    def _output(self, number: int, table: dict[str, Any]) -> str:
        """An output as `--sink` takes it; the kinds of both are the same."""
        place, kinds = ("output", number), {kind.name: kind for kind in sinks.KINDS}
        if (name := table.get("kind")) not in kinds:
            known = f"there is no output '{name}'" if name else "key 'kind' is missing"
            hint = data.nearest_or_all(str(name), kinds) if name else ""
            raise self._error((*place, "kind"), known + hint)
        kind, options = kinds[str(name)], dict(table)
        del options["kind"]
        target = str(options.pop("target", ""))
        if bool(target) != bool(kind.target):
            problem = f"write target = '{kind.target}'" if kind.target else f"{name} has no target"
            raise self._error((*place, "target"), problem)
        for key in options:
            if key not in kind.keys:
                hint = data.nearest_or_all(key, kind.keys) if kind.keys else "; it has none"
                raise self._error((*place, key), f"{name} has no option '{key}'{hint}")
        pairs = {
            key: self._secret((*place, key), value)
            if isinstance(value, dict)
            else _option_text(value)
            for key, value in options.items()
        }
        text = ",".join(f"{key}={value}" for key, value in pairs.items())
        head = f"{name}:{target}" if target else str(name)
        return f"{head}:{text}" if text else head

    def _alert(self, number: int, table: dict[str, Any]) -> "Alert":
        from edge.events.alert import Alert, ClipLength

        place = ("alert", number)
        places = {key: self._where((*place, key)) for key in ("", *table)}
        values: dict[str, Any] = {
            key: tuple(v) if isinstance(v, list) else v for key, v in table.items()
        }
        values["labels"] = values.pop("is", ())
        if isinstance(clip := values.get("clip"), dict):
            values["clip"] = ClipLength(**clip)
        return Alert(**values, places=places)

    def _refuse_alike(self, alerts: "Sequence[Alert]") -> None:
        """Their events would be counted and told as those of one."""
        names = [str(alert) for alert in alerts]
        for number, name in enumerate(names):
            if name in names[:number]:
                problem = f"another alert is called '{name}': give each a name of its own"
                raise self._error(("alert", number, "name"), problem)

    def _texts(self, value: Any, place: toml_lines.Place) -> Iterator[tuple[str, int]]:
        if isinstance(value, str):
            while place not in self.lines:
                place = place[:-1]
            yield value, self.lines[place]
        if isinstance(value, list):
            value = dict(enumerate(value))
        for key, item in value.items() if isinstance(value, dict) else ():
            yield from self._texts(item, (*place, key))


def _items(
    content: Mapping[str, Any], key: str
) -> list[tuple[toml_lines.Place, Mapping[str, Any]]]:
    tables = content.get(key)
    items = enumerate(tables) if isinstance(tables, list) else ()
    return [((key, number), item) for number, item in items if isinstance(item, dict)]


def _name_of(place: toml_lines.Place) -> str:
    """Of a key, or of the array that a table is an item of."""
    return next(part for part in reversed(place) if isinstance(part, str))


def _secret_parts(value: Any) -> tuple[Any, Any]:
    if isinstance(value, dict):
        return value.get("env"), value.get("file")
    return value.env, value.file


def _option_text(value: Any) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)
