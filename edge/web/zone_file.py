"""Zones, read from the settings file and written back with its comments."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tomlkit import api, exceptions, items

from edge.tracks import zones as areas
from edge_common import ConfigError, EdgeError, data, whole_file

_MOST_BYTES, _MOST_ZONES, _MOST_CORNERS, _PLACES = 1 << 20, 32, 64, 4


@dataclass(frozen=True)
class DrawnZone:
    """As the page sends it.  points: corners in shares of the frame, 0 to 1; (): as in the file."""

    name: str
    points: tuple[tuple[float, ...], ...] = ()

    def zone(self) -> areas.Zone | None:
        """None: it stays as it is. Raises EdgeError if it is none."""
        if not self.points:
            return None
        if len(self.points) > _MOST_CORNERS:
            raise ConfigError(f"zone '{self.name}' has more than {_MOST_CORNERS} corners")
        numbers = [number for point in self.points for number in point]
        if any(len(point) != 2 for point in self.points) or not all(
            0 <= number <= 1 for number in numbers
        ):
            raise ConfigError(f"zone '{self.name}': corners are [x, y] from 0 to 1")
        text = ",".join(f"{round(number, _PLACES):g}" for number in numbers)
        return areas.Zone.parse(f"{self.name}={text}")


@dataclass(frozen=True)
class ZoneChange:
    """What the page wants saved: all zones.  revision: of the file that it was made for."""

    revision: str
    zones: tuple[DrawnZone, ...]

    def by_name(self) -> dict[str, areas.Zone | None]:
        """None: of one that stays as it is. Raises EdgeError if one is none, or there twice."""
        if len(self.zones) > _MOST_ZONES:
            raise ConfigError(f"{len(self.zones)} zones are too many: {_MOST_ZONES} at most")
        zones_by_name: dict[str, areas.Zone | None] = {}
        for each in self.zones:
            zone = each.zone()
            name = zone.name if zone else each.name
            if name in zones_by_name:
                raise ConfigError(f"two zones have the name '{name}': give each one of its own")
            zones_by_name[name] = zone
        return zones_by_name


class Outdated(ConfigError):
    """Somebody else has changed the file since it was read."""


class ZoneFile:
    """The zones in a settings file.  required: names that alerts are about, which have to stay."""

    def __init__(self, path: Path, required: Collection[str] = ()) -> None:
        self.path, self._required = path.resolve(), required

    @property
    def revision(self) -> str:
        """Changes whenever the file does. Raises DataError."""
        return _revision(data.read_text(self.path, _MOST_BYTES))

    def save(self, change: ZoneChange) -> None:
        """Put these zones in place of the file's, whole or not at all.

        Raises EdgeError that says what is wrong; Outdated if it is another file by now.
        """
        zones_by_name = change.by_name()
        if missing := sorted(set(self._required) - zones_by_name.keys()):
            raise ConfigError(
                f"an alert is about zone '{missing[0]}': keep it, or change the alert"
            )
        text = data.read_text(self.path, _MOST_BYTES)
        if _revision(text) != change.revision:
            raise Outdated(f"{self.path.name} was changed meanwhile: load the page again")
        content = with_zones(text, zones_by_name)
        _check(self.path.name, text, content)
        try:
            with whole_file(self.path) as file:
                file.write(content.encode())
        except OSError as error:
            raise ConfigError(
                f"{self.path.name} cannot be written ({error.strerror}): may this user write it, "
                "and its folder?"
            ) from error


def with_zones(text: str, zones_by_name: Mapping[str, areas.Zone | None]) -> str:
    """The TOML text with these zones and no other ones; all else stays as it is, comments included.

    None: a zone as it stands there. Raises ConfigError.
    """
    missing = dict(zones_by_name)
    try:
        document = api.parse(text)
        zones = document.get("zone")
        if isinstance(zones, items.AoT | items.Array):
            for number in reversed(range(len(zones))):
                _change(zones, number, missing)
            if not (zones or missing):
                del document["zone"]
        for name, zone in missing.items():
            if zone is None:
                raise ConfigError(f"zone '{name}' is not there any more: draw it again")
            _add(document, zone)
        return api.dumps(document)
    except exceptions.TOMLKitError as error:
        raise ConfigError(f"the settings are not TOML: {error}") from None


def _change(zones: Any, number: int, missing: dict[str, areas.Zone | None]) -> None:
    """One that stands there, as a table or a text; it is missing no longer."""
    item = zones[number]
    is_text = isinstance(item, str)
    name = item.partition("=")[0].strip() if is_text else str(item.get("name"))
    if name not in missing:
        del zones[number]
        return
    zone = missing.pop(name)
    if zone and is_text:
        zones[number] = str(zone)
    elif zone:
        item["points"] = _corners(zone)


def _add(document: api.TOMLDocument, zone: areas.Zone) -> None:
    zones = document.get("zone")
    if isinstance(zones, items.Array):
        zones.append(str(zone))
        return
    table = api.table()
    table["name"], table["points"] = zone.name, _corners(zone)
    if zones is None:
        document.append("zone", api.aot())
    else:
        table.add(api.nl())
    document["zone"].append(table)


def _corners(zone: areas.Zone) -> items.Array:
    corners = api.array()
    for point in zone.polygon.points:
        corners.append(list(point))
    return corners


def _check(name: str, before: str, after: str) -> None:
    """Raise ConfigError if anything but zones has changed."""
    loads = data.toml_parser().loads
    try:
        old, new = loads(before), loads(after)
    except ValueError as error:
        raise ConfigError(f"{name} is not TOML any more: {error}") from None
    if {**old, "zone": None} != {**new, "zone": None}:
        raise ConfigError(f"{name} is written in a way that zones cannot be put into: edit it")


def _revision(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def corners_of(zones: Sequence[areas.Zone], size: tuple[int, int]) -> list[dict[str, Any]]:
    """For the page: names and corners in shares of frames of this size, as far as they fit."""
    corners = []
    for zone in zones:
        try:
            polygon = zone.polygon.in_shares(size)
        except EdgeError:
            continue
        corners.append({"name": zone.name, "points": polygon.points})
    return corners
