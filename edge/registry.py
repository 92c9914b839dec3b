"""Kinds of sources and sinks: which one a text asks for, and with which options.

A kind is one module and one line in the registry of its room. The module is imported once the
kind is used, so that a hundred kinds cost a run no more than those that it names.
"""

import math
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any, get_type_hints

from edge_common import EdgeError, can_be_written, command_line, nearest, without_passwords

Pairs = tuple[tuple[str, str], ...]

KEY = r"[A-Za-z_][\w-]*"
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+-]+)(?::(.*))?$", re.DOTALL)  # one letter is a drive


def split_options(text: str, key: str = KEY) -> tuple[str, str]:
    """`PATH:key=value,key=value` -> (`PATH`, `key=value,key=value`); "" if there are none."""
    match = re.match(rf"(.*?):({key}=.*)$", text, re.DOTALL)
    return (match[1], match[2]) if match else (text, "")


def read_options(text: str, owner: str = "the") -> Pairs:
    """The pairs of `key=value,key=value`; a piece without a `=` belongs to the value before it.

    Raises ValueError for a text that begins with no key, or a key that is given twice.
    """
    pairs: dict[str, str] = {}
    key = ""
    for piece in text.split(",") if text else ():
        if match := re.match(rf"({KEY})=(.*)$", piece, re.DOTALL):
            key, value = match.groups()
            if key in pairs:
                raise ValueError(f"{owner} option {key} is given twice")
            pairs[key] = value
        elif not key:
            raise ValueError(f"options are key=value, and {text!r} is none")
        else:
            pairs[key] += f",{piece}"
    return tuple(pairs.items())


@dataclass(frozen=True)
class EndpointKind:
    """One kind of source or sink.

    name: its scheme, `NAME:TARGET`.  module: holds `open_source(target, needs, *, key: type = ...)`
    or `open_sink(target, run, *, key: type = ...)`.  help: one line.
    target: what stands behind the name, as help shows it; PATH is a file that a sink writes, and
    "" is for a kind that is given by its name alone.
    options: the opener's keywords, as help shows them: `rate=HZ,width=PIXELS`. FILE is read, FOLDER
    is written to; a SECRET is a file that nobody else may read, or `env:NAME`.
    schemes: of URLs that are given to it whole.  matches: whether it takes a text without scheme.
    extra: of edge-run, that installs the library which only this kind needs.
    frames: whether a sink looks at frames, and not at decisions alone; then each of several
    sources has one of its own.
    queued: whether a sink works in a thread of its own, behind a queue.
    windows: whether decisions bring it the frames that the network saw.
    event_pictures: whether it hands on pictures of what was told, in which faces are covered.
    needs_screen: whether it is for a person who looks at this machine.
    devices: of this machine, as DeviceAllow= of systemd takes them, that a target needs.
    """

    name: str
    module: str
    help: str
    target: str = ""
    options: str = ""
    schemes: tuple[str, ...] = ()
    matches: Callable[[str], bool] = lambda text: False
    extra: str = ""
    frames: bool = True
    queued: bool = True
    windows: bool = False
    event_pictures: bool = False
    needs_screen: bool = False
    devices: Callable[[str], tuple[str, ...]] = lambda target: ()

    @property
    def form(self) -> str:
        """`video:PATH[:rate=HZ]`."""
        target = f":{self.target}" if self.target else ""
        return self.name + target + (f"[:{self.options}]" if self.options else "")

    @property
    def keys(self) -> list[str]:
        return re.findall(rf"({KEY})=", self.options)

    def values_of(self, place: str, options: Pairs) -> Iterator[str]:
        """Of those options that hold a place of this sort: FILE, FOLDER or SECRET."""
        keys = re.findall(rf"({KEY})={place}(?:,|$)", self.options)
        yield from (value for key, value in options if key in keys and value)

    def request(self, text: str) -> "Endpoint":
        """From what stands behind the scheme, or a URL. Raises ValueError for wrong options."""
        if not self.target:
            return Endpoint(self, "", self._checked(read_options(text)))
        text = re.sub(r"^[\w+-]+(?=://)", lambda scheme: scheme[0].lower(), text)
        key = KEY
        if "//" in text[:32]:  # a URL's colons and `=` are its own, except before a declared key
            key = "|".join(self.keys) or "(?!)"
            if (word := re.search(rf":({KEY})=[^/]*$", text)) and nearest(word[1], self.keys):
                self._checked(((word[1], ""),))
        target, options = split_options(text, f"(?:{key})")
        return Endpoint(self, target, self._checked(read_options(options)))

    def _checked(self, pairs: Pairs) -> Pairs:
        for key, _ in pairs:
            if not self.keys:
                raise ValueError(f"{self.name} takes no options: leave out {key}=")
            if key not in self.keys:
                raise ValueError(f"{self.form} has no option {key}{nearest(key, self.keys)}")
        return pairs


@dataclass(frozen=True)
class Endpoint:
    """A kind as a user asked for it, with the options as written; nothing is opened yet."""

    kind: EndpointKind
    target: str
    options: Pairs = ()

    def __str__(self) -> str:
        return without_passwords(f"{self.kind.name}:{self.target}")

    def without(self, key: str) -> "Endpoint":
        """One option, which holds as if nobody had given it."""
        return replace(self, options=tuple(pair for pair in self.options if pair[0] != key))

    def for_each(self, count: int) -> list["Endpoint"]:
        """What stands for it with so many sources: paths are numbered from 1."""
        if count == 1 or not self.kind.frames:
            return [self]
        stem, suffix = os.path.splitext(self.target)
        is_path = self.kind.target == "PATH"
        numbers = range(1, count + 1)
        return [replace(self, target=f"{stem}-{n}{suffix}") if is_path else self for n in numbers]

    def check_target(self) -> None:
        """Of a sink: whether it may write there, without doing so. Raises EdgeError."""
        path = Path(self.target).absolute()
        while self.kind.target == "FOLDER" and path.name and not path.exists():
            path = path.parent
        is_file = self.kind.target == "PATH" and self.target != "-"
        is_folder = self.kind.target == "FOLDER" and not (
            path.is_dir() and os.access(path, os.W_OK)
        )
        if (is_file and not can_be_written(path)) or is_folder:
            raise EdgeError(
                f"{self.target} cannot be written: give another path for {self.kind.name}"
            )

    def open(self, function: str, *context: object) -> Any:
        """Call `function` of the kind's module: (target, *context, key=value, ...).

        Raises ValueError for an option's value of another type, or a wrong one.
        """
        opener = getattr(import_module(self.kind.module), function)
        types = get_type_hints(opener) if self.options else {}
        values = {key: _read_value(types[key], key, text) for key, text in self.options}
        return opener(self.target, *context, **values)


def _read_value(kind: type, key: str, text: str) -> Any:
    try:
        value = kind(text)
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError
        return value
    except ValueError:
        words = {int: "a whole number", float: "a number"}
        raise ValueError(f"the option {key} is {words.get(kind, 'text')}, not {text!r}") from None


@dataclass(frozen=True)
class Registry:
    """All kinds of sources, or all of sinks.

    noun: `source` or `sink`.  error: raised for a text that asks for none of them.
    fallback: the kind of a text without a scheme that no other takes; "": there is none.
    """

    noun: str
    error: type[EdgeError]
    kinds: Sequence[EndpointKind]
    fallback: str = ""

    def find(self, text: str) -> Endpoint:
        """What `text` asks for: `NAME:TARGET[:key=value,...]`, a URL, a name or a bare path."""
        try:
            match = _SCHEME.match(text)
            if match and match[2] is not None:
                return self._by_scheme(match[1].lower(), match[2], text)
            return self._by_name(text) or self._by_path(text)
        except ValueError as error:
            raise self.error(f"{self.noun} {text}: {error}") from None

    def path(self, text: str) -> Endpoint:
        """The whole text as a path, whatever colons are in it."""
        return Endpoint(self._kind_of(text), text)

    def named(self, name: str, target: str = "") -> Endpoint:
        """A kind by its name. Raises KeyError."""
        return Endpoint({kind.name: kind for kind in self.kinds}[name], target)

    def open(self, request: Endpoint, *context: object) -> Any:
        """Open it by its module's `open_source` or `open_sink`; raise what that raises."""
        try:
            return request.open(f"open_{self.noun}", *context)
        except ModuleNotFoundError as error:
            if not request.kind.extra:
                raise
            raise self.error(
                f"{self.noun} {request} needs {error.name}: "
                f"{command_line.install_hint(request.kind.extra)}"
            ) from error
        except ValueError as error:
            raise self.error(f"{self.noun} {request}: {error}") from error

    def rows(self) -> list[tuple[str, str]]:
        """(how it is written, what it is) of each kind, for help."""
        return [(kind.form, kind.help) for kind in self.kinds]

    def _by_scheme(self, scheme: str, target: str, text: str) -> Endpoint:
        for kind in self.kinds:
            if scheme in kind.schemes or (scheme == kind.name and target.startswith("//")):
                return kind.request(text)
            if scheme == kind.name:
                if kind.target and not target:
                    raise ValueError(f"write {kind.form}")
                return kind.request(target)
        names = [name for kind in self.kinds for name in (kind.name, *kind.schemes)]
        raise ValueError(f"no kind is called '{scheme}' ({self._valid()}){nearest(scheme, names)}")

    def _by_name(self, text: str) -> Endpoint | None:
        kinds = (kind for kind in self.kinds if kind.name == text and not kind.target)
        return next((Endpoint(kind, "") for kind in kinds), None)

    def _by_path(self, text: str) -> Endpoint:
        target, options = split_options(text)
        kind = self._kind_of(target)
        return kind.request(text) if options else Endpoint(kind, text)

    def _kind_of(self, path: str) -> EndpointKind:
        for kind in self.kinds:
            if kind.matches(path):
                return kind
        if self.fallback:
            return self.named(self.fallback).kind
        raise ValueError(f"its kind is not clear: write it as one of {self._valid()}")

    def _valid(self) -> str:
        return ", ".join(f"{kind.name}:{kind.target}" for kind in self.kinds)
