"""A sweep as a TOML file: a training file that all members share, and where each differs."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edge_common import ConfigError, decode, nearest_or_all, read_toml
from edge_models.datasets.kinds import placed
from edge_models.training.config import EndToEndConfig, section, training_config

_OWN_SECTIONS = ("network", "few_frames", "frozen", "whole", "targets", "balance")
_BACKBONE = (
    "backbone", "backbone_weights", "backbone_end", "backbone_width", "grey", "window", "size",
)  # fmt: skip


@dataclass(frozen=True)
class MemberSection:
    """One network of a sweep.

    Attributes:
        about: what it is to show, in a few words.
        backbone_of: take the trained backbone of this member, and leave few frames out.
        network, few_frames, frozen, whole, targets, balance: what differs from the shared training;
            of a target all of it.
    """

    name: str = ""
    about: str = ""
    backbone_of: str = ""
    network: dict[str, Any] = field(default_factory=dict)
    few_frames: dict[str, Any] = field(default_factory=dict)
    frozen: dict[str, Any] = field(default_factory=dict)
    whole: dict[str, Any] = field(default_factory=dict)
    targets: dict[str, Any] = field(default_factory=dict)
    balance: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class SweepMember:
    """One network of a sweep, and how it is trained.

    Attributes:
        pretrained_from: the member that trains its backbone; None: it does so itself.
        pretrains_others: whether it trains the backbone of others.
    """

    name: str
    about: str
    training: EndToEndConfig
    pretrained_from: "SweepMember | None" = None
    pretrains_others: bool = False


@dataclass(frozen=True)
class Sweep:
    """Networks to compare; `reference` is the one that differences are counted from.

    int8_clips: test clips that each bundle answers; 0: all.
    """

    name: str
    reference: str
    members: tuple[SweepMember, ...]
    int8_clips: int = 2000

    def member(self, name: str) -> SweepMember:
        """By name. Raises ConfigError if there is none."""
        for member in self.members:
            if member.name == name:
                return member
        raise ConfigError(
            f"no member is called {name}{nearest_or_all(name, [m.name for m in self.members])}"
        )


def read_sweep(path: Path, data: str | None = None) -> Sweep:
    """Read a sweep's file.

    Args:
        data: where the data set lies, instead of what the file says.

    Raises:
        ConfigError: the file is no TOML, holds a key or value that no training has, or
            names members that are not there.
    """
    return sweep_of(read_toml(path), str(path), data)


def sweep_of(table: Mapping[str, Any], where: str, data: str | None = None) -> Sweep:
    """The same, of what a file says. Raises ConfigError, which begins with `where`."""
    table = dict(table)
    name, reference = (taken(table, key, str, where) for key in ("name", "reference"))
    rows = taken(table, "member", list, where)
    int8_clips = decode(int, table.pop("int8_clips", Sweep.int8_clips), f"{where}: int8_clips")
    shared = {own: table.pop(own) for own in _OWN_SECTIONS if own in table}
    base = section(MemberSection, shared, where)
    sections = [
        section(MemberSection, row, f"{where}: member {i}") for i, row in enumerate(rows, 1)
    ]
    _check_names(sections, reference, where)
    members = {
        row.name: _member(table, base, row, data, f"{where}: {row.name}") for row in sections
    }
    for row in sections:
        if row.backbone_of:
            pretrained_from = replace(members[row.backbone_of], pretrains_others=True)
            _check_backbone(members[row.name], pretrained_from, where)
            members[pretrained_from.name] = pretrained_from
            members[row.name] = replace(members[row.name], pretrained_from=pretrained_from)
    return Sweep(name, reference, tuple(members.values()), int8_clips)


def _check_names(rows: Sequence[MemberSection], reference: str, where: str) -> None:
    """Raise ConfigError if one is missing, twice, or of no member; or out of order."""
    names = [row.name for row in rows]
    if len(set(names)) < len(names) or not all(re.fullmatch(r"\w[\w.-]*", n) for n in names):
        raise ConfigError(
            f"{where}: each member needs a name of its own, of letters, digits, dots and dashes; "
            f"they are {', '.join(map(repr, names))}"
        )
    references = [("reference", reference), *(("backbone_of", row.backbone_of) for row in rows)]
    for key, name in references:
        if name and name not in names:
            raise ConfigError(f"{where}: {key} is {name!r}{nearest_or_all(name, names)}")
    for at, row in enumerate(rows):
        if row.backbone_of in names[at:]:
            raise ConfigError(
                f"{where}: {row.name} must come after {row.backbone_of}, whose backbone it takes"
            )


def _check_backbone(member: SweepMember, pretrained_from: SweepMember, where: str) -> None:
    """Raise ConfigError if what is taken from the member it is pretrained from does not suit."""
    why = _cannot_take(member, pretrained_from)
    if why:
        raise ConfigError(
            f"{where}: {member.name} cannot take the backbone of {pretrained_from.name}: {why}"
        )


def _cannot_take(member: SweepMember, pretrained_from: SweepMember) -> str:
    own, its = member.training, pretrained_from.training
    differ = [key for key in _BACKBONE if getattr(own.network, key) != getattr(its.network, key)]
    differ += ["frozen.clips"] if own.frozen.clips != its.frozen.clips else []
    if own.whole.max_epochs or its.whole.max_epochs:  # maps are of one backbone, and stay so
        return "set whole.max_epochs = 0 for both"
    if differ:
        return f"{', '.join(differ)} differ"
    keep_features = own.frozen.keep_maps and its.frozen.keep_maps
    if pretrained_from.pretrained_from or member.pretrains_others or not keep_features:
        return "both need frozen.keep_maps, and the other one a backbone of its own"
    return ""


def _member(
    shared: Mapping[str, Any], base: MemberSection, row: MemberSection, data: str | None, where: str
) -> SweepMember:
    own = {key: getattr(base, key) | getattr(row, key) for key in _OWN_SECTIONS}
    training = training_config({**shared, **own, "name": row.name}, where)
    if data is not None:
        training = replace(training, data=placed(training.data, data))
    if row.backbone_of:
        training = replace(training, few_frames=replace(training.few_frames, max_epochs=0))
    return SweepMember(row.name, row.about, training)


def taken(table: dict[str, Any], key: str, kind: type, where: str) -> Any:
    """Take a text, or a list of tables, out of a table. Raises ConfigError if it is not there."""
    value = table.pop(key, None)
    rows = value if isinstance(value, list) else []
    if not isinstance(value, kind) or not value or not all(isinstance(r, dict) for r in rows):
        raise ConfigError(f"{where} needs `{key}` ({f'[[{key}]]' if kind is list else 'a name'})")
    return value
