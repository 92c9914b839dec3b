"""How a sound input is broken: its bytes, its values, its cells, or what stands inside of it."""

import csv
import io
import json
import math
import zipfile
from collections.abc import Callable
from random import Random
from typing import Any

from edge.bundle import GOLDEN, MANIFEST, index
from edge_common import encode, toml_parser
from tests.fuzz import corpus

Mutate = Callable[[bytes, Random], bytes]

_BYTES = (0, 1, 0x7F, 0x80, 0xFF)
_DEEP, _DEPTHS = "nested deeply", (30, 900, 990, 100_000)
_VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 2**31, -(2**31), 2**63, 10**400, 0.5, -1e308, 1e-320, float("nan"),
    float("inf"), "", "x", "\ud800", "\x1b[2J\u202e", "a" * 5000, "../../x", [], [[]], {}, {"": 0},
    _DEEP,
)  # fmt: skip
_CELLS = (
    "", " ", "nan", "-inf", "1e999", "9" * 400, "=cmd()", "|", "a|a", "\0", "\x1b[2J", "\u202e",
    "../..", "/dev/zero", "x" * 5000, '"', "\n", "\ufeff", "\udcff",
)  # fmt: skip
# what a header of numpy's is made of
_HEADER = b"0123456789(),'<>|fiuOSU \n\xff\0"


def of_bytes(seed: bytes, random: Random) -> bytes:
    """Some of its bytes are others, twice there, or gone."""
    data = bytearray(seed)
    for _ in range(random.choice((1, 1, 2, 8, 40))):
        _change_bytes(data, random)
    return bytes(data)


def of_json(seed: bytes, random: Random) -> bytes:
    """Mostly a value or a few of a JSON text."""
    if random.random() < 0.3:
        return of_bytes(seed, random)
    text = json.dumps(_with_other_values(json.loads(seed), random))
    return _nested(text, random).encode()


def of_json_lines(seed: bytes, random: Random) -> bytes:
    """One line of JSON."""
    lines = seed.splitlines()
    at = random.randrange(len(lines))
    return b"\n".join([*lines[:at], of_json(lines[at], random), *lines[at + 1 :]])


def of_toml(seed: bytes, random: Random) -> bytes:
    """Mostly a value or a few of a TOML file."""
    if random.random() < 0.3:
        return of_bytes(seed, random)
    table = _with_other_values(toml_parser().loads(seed.decode()), random)
    if not isinstance(table, dict):
        return json.dumps(table).encode()
    text = "".join(f"{json.dumps(k)} = {_toml(v)}\n" for k, v in table.items())
    if random.random() < 0.1:
        text += f"[{'.'.join(['deep'] * random.choice(_DEPTHS))}]\n"
    return _nested(text, random).encode()


def of_table(seed: bytes, random: Random) -> bytes:
    """Cells of a CSV table."""
    if random.random() < 0.3:
        return of_bytes(seed, random)
    rows = list(csv.reader(seed.decode().splitlines()))
    for _ in range(random.choice((1, 1, 2, 5))):
        row = random.choice(rows)
        kind = random.randrange(8)
        if kind == 0:
            rows.append(list(row))
        elif kind == 1:
            row.append(random.choice(_CELLS))
        elif kind == 2 and row:
            row.pop()
        elif row:
            row[random.randrange(len(row))] = random.choice(_CELLS)
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode(errors="surrogateescape")


def of_arrays(seed: bytes, random: Random) -> bytes:
    """The arrays of an .npz, in a zip whose own sizes and sums are right."""
    content = _members(seed)
    name = random.choice(sorted(content))
    data = bytearray(content[name])
    for _ in range(random.choice((1, 1, 3))):
        if data and random.random() < 0.5:
            data[random.randrange(min(len(data), 128))] = random.choice(_HEADER)
        else:
            _change_bytes(data, random)
    content[name] = bytes(data)
    if random.random() < 0.1:
        del content[random.choice(sorted(content))]
    return corpus.zipped(content)


def of_bundle(seed: bytes, random: Random) -> bytes:
    """Members of a bundle and values of its manifest, with the right sizes and hashes."""
    content = _members(seed)
    manifest = json.loads(content.pop(MANIFEST))
    changes: dict[str, Mutate] = {GOLDEN: of_arrays, corpus.ACCEPTANCE: of_json}
    if random.random() < 0.6:
        name = random.choice(sorted(changes))
        content[name] = changes[name](content[name], random)
    else:
        key = random.choice(sorted(manifest.keys() - {"schema", "members"}))
        manifest[key] = _with_other_values(manifest[key], random)
    return _bundle(manifest, content, random)


def of_parts(seed: bytes, random: Random) -> bytes:
    """The networks of a bundle, with the right sizes and hashes."""
    content = _members(seed)
    manifest = json.loads(content.pop(MANIFEST))
    part = random.choice(manifest["parts"])["file"]
    content[part] = of_graph(content[part], random)
    return _bundle(manifest, content, random)


def of_graph(seed: bytes, random: Random) -> bytes:
    """Bytes of a .tflite, mostly of its structure, which stands at both its ends."""
    data = bytearray(seed)
    for _ in range(random.choice((1, 1, 2, 8, 40))):
        end = min(random.choice((400, 20_000, len(data))), len(data))
        at = random.randrange(end)
        at = random.choice((at, len(data) - 1 - at))
        data[at] = random.choice((*_BYTES, random.randrange(256)))
    return bytes(data)


def _bundle(manifest: dict[str, Any], content: dict[str, bytes], random: Random) -> bytes:
    manifest["members"] = encode(index(content))
    return corpus.zipped({MANIFEST: _nested(json.dumps(manifest), random).encode(), **content})


def _members(archive: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(archive)) as file:
        return {name: file.read(name) for name in file.namelist()}


def _nested(text: str, random: Random) -> str:
    """With lists in lists, which no writer would write, in place of the word for them."""
    depth = random.choice(_DEPTHS)
    return text.replace(f'"{_DEEP}"', "[" * depth + "]" * depth)


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        pairs = (f"{json.dumps(k)} = {_toml(v)}" for k, v in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return json.dumps(value)


def _with_other_values(value: Any, random: Random) -> Any:
    for _ in range(random.choice((1, 1, 2, 5))):
        value = _with_another_value(value, random)
    return value


def _with_another_value(value: Any, random: Random) -> Any:
    """One value, at any depth, is another or is missing."""
    if isinstance(value, dict) and value and random.random() < 0.9:
        key = random.choice(sorted(value))
        if random.random() < 0.1:
            return {k: v for k, v in value.items() if k != key}
        return {**value, key: _with_another_value(value[key], random)}
    if isinstance(value, list) and value and random.random() < 0.9:
        at = random.randrange(len(value))
        return [*value[:at], _with_another_value(value[at], random), *value[at + 1 :]]
    alike = [each for each in _VALUES if type(each) is type(value)]
    return random.choice(alike if alike and random.random() < 0.7 else _VALUES)


def _change_bytes(data: bytearray, random: Random) -> None:
    if not data:
        return
    at, kind = random.randrange(len(data)), random.randrange(8)
    if kind < 3:
        data[at] = random.choice((*_BYTES, random.randrange(256)))
    elif kind == 3:
        data[at : at + 4] = random.choice((0, 1, 2**31 - 1, 2**32 - 1)).to_bytes(4, "little")
    elif kind == 4:
        del data[at : at + random.choice((1, 4, 100))]
    elif kind == 5:
        piece = data[at : at + random.choice((1, 4, 100))]
        data[at:at] = piece * random.choice((1, 2, 200))
    elif kind == 6:
        data[at] ^= 1 << random.randrange(8)
    else:
        del data[at:]
