import json
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from edge.bundle import manifest
from edge_common.data import (
    DataError,
    decode,
    encode,
    nearest,
    nearest_or_all,
    read_json,
    read_toml,
)


@dataclass(frozen=True)
class Inner:
    pair: tuple[float, float]
    many: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outer:
    count: int
    inner: Inner
    named: dict[str, Inner]
    maybe: float | None = None


FLOATS = st.floats(allow_nan=False, allow_infinity=False)
inners = st.builds(
    Inner,
    st.tuples(
        FLOATS,
        FLOATS,
    ),
    st.lists(st.text()).map(tuple),
)
outers = st.builds(
    Outer,
    st.integers(-(2**63), 2**63 - 1),
    inners,
    st.dictionaries(st.text(), inners),
    st.none() | FLOATS,
)


@given(outers)
def test_dataclasses_survive_json(value: Outer) -> None:
    assert decode(Outer, json.loads(json.dumps(encode(value)))) == value


GOOD = {"count": 1, "inner": {"pair": [1, 2.5]}, "named": {}}


def test_defaults_and_whole_numbers_as_floats() -> None:
    assert decode(Outer, GOOD) == Outer(1, Inner((1.0, 2.5)), {})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"count": "1"}, "'count' should be a whole number"),
        ({"count": True}, "'count' should be a whole number"),
        ({"inner": {"pair": [1]}}, "'inner.pair' should be 2 values"),
        ({"inner": {}}, "'inner.pair' is missing"),
        ({"named": {"x": 3}}, "'named.x' should be a table"),
        ({"colour": 1}, "unknown key 'colour'; there are count, inner, named, maybe"),
    ],
)
def test_a_wrong_field_is_named(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        decode(Outer, {**GOOD, **change})


def test_a_manifest_round_trips() -> None:
    tensor = manifest.TensorSpec("f", (1, 4, 4, 8), "int8", 0.1, -3)
    part = manifest.Part("model", "model.tflite", "int8", (tensor,), (tensor,))
    task = manifest.Task("age", "regression", scale=116.0, unit="years")
    made = manifest.Manifest(1, "n", "single-frame", 1, manifest.InputSpec(8, 8), (task,), (part,))
    assert decode(manifest.Manifest, json.loads(json.dumps(encode(made)))) == made


@dataclass(frozen=True)
class _Cache:
    size: int
    share: float | None = None


@dataclass(frozen=True)
class _Board:
    name: str
    inner: _Cache
    numbers: tuple[int, ...] = ()
    inners: tuple[_Cache, ...] = ()


_cache = st.builds(
    _Cache,
    st.integers(-(2**63), 2**63 - 1),
    st.none() | FLOATS,
)
_board = st.builds(
    _Board,
    st.text(),
    _cache,
    st.lists(st.integers(-(2**63), 2**63 - 1)).map(tuple),
    st.lists(_cache).map(tuple),
)


def _plain(value: object) -> object:
    """As TOML and JSON give it back: lists for tuples."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


@given(_board)
def test_a_table_comes_back(value: _Board) -> None:
    assert decode(_Board, _plain(asdict(value))) == value


def test_a_whole_number_in_a_table_is_a_number() -> None:
    assert repr(decode(_Cache, {"size": 1, "share": 2})) == "_Cache(size=1, share=2.0)"


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({"inner": {"size": 1}}, "key 'name' is missing"),
        ({"name": "a", "inner": {}}, "key 'inner.size' is missing"),
        ({"name": "a", "inner": {"sizes": 1}}, "unknown key 'inner.sizes'; did you mean 'size'?"),
        ({"name": "a", "inner": []}, "key 'inner' should be a table, {...}, not []"),
        ({"name": 1, "inner": {"size": 1}}, "key 'name' should be text, not 1"),
        (
            {"name": "a", "inner": {"size": 1}, "numbers": [1, "b"]},
            "key 'numbers[1]' should be a whole number, not 'b'",
        ),
        (
            {"name": "a", "inner": {"size": 1}, "inners": [{"size": 1}, {"sise": 2}]},
            "unknown key 'inners[1].sise'; did you mean 'size'?",
        ),
    ],
)
def test_what_is_wrong_in_a_table_is_named(table: dict, told: str) -> None:
    with pytest.raises(DataError) as error:
        decode(_Board, table)
    assert str(error.value) == told


def test_a_scalar_or_another_is_tried_in_turn() -> None:
    assert decode(dict[str, str | float], {"a": "x", "b": 2}) == {"a": "x", "b": 2.0}
    with pytest.raises(DataError, match="key 'a' should be text or a number, not True"):
        decode(dict[str, str | float], {"a": True})


def test_a_number_beyond_all_floats_is_refused() -> None:
    with pytest.raises(DataError, match="key 'share' should be a number, not 1000"):
        decode(_Cache, {"size": 1, "share": 10**400})


def test_keys_of_a_larger_object_may_be_passed_over() -> None:
    table = {"size": 1, "colour": "red"}
    assert decode(_Cache, table, ignore_unknown=True) == _Cache(1)
    with pytest.raises(DataError, match="key 'size' is missing"):
        decode(_Cache, {"colour": "red"}, ignore_unknown=True)


def test_the_message_begins_with_the_file() -> None:
    with pytest.raises(DataError) as error:
        decode(_Cache, 3, "a.toml")
    assert str(error.value) == "a.toml: it should be a table, {...}, not 3"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"x = ", "is not TOML: "),
        (b"x = '\xff'", "is not UTF-8 text: byte 5 cannot be decoded"),
        (b"x = " + b"[" * 5000, "is not TOML that can be read: it is nested too deeply"),
        (b"#" * 2**20 + b"#", "is larger than 1 MiB"),
        (b"a." * 100_000 + b"a = 1", "is not TOML that can be read: a key of more than 50 parts"),
    ],
)
def test_what_is_no_toml(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(content)
    with pytest.raises(DataError) as error:
        read_toml(path)
    assert str(error.value).startswith(f"{path}: {message}")


@pytest.mark.parametrize(
    ("content", "message"),
    [("{", "is not JSON: "), ("[" * 100_000, "is not JSON that can be read: nested too deeply")],
)
def test_what_is_no_json(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(content)
    with pytest.raises(DataError) as error:
        read_json(path)
    assert str(error.value).startswith(f"{path}: {message}")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="absent.toml: cannot be read: No such file"):
        read_toml(tmp_path / "absent.toml")


def test_the_nearest_word_or_all() -> None:
    assert nearest("zzz", ["cores", "clock"]) == ""
    assert nearest_or_all("zzz", ["cores", "clock"]) == "; there are cores, clock"
    assert nearest_or_all("core", ["cores", "clock"]) == "; did you mean 'cores'?"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"count": 2**63}, "key 'count' is a whole number beyond 64 bits"),
        ({"count": -(2**63) - 1}, "key 'count' is a whole number beyond 64 bits"),
        ({"named": {"\ud800": {"pair": [1, 2]}}}, "holds half a character"),
    ],
)
def test_numbers_and_texts_that_no_library_takes_are_refused(change: dict, message: str) -> None:
    with pytest.raises(DataError, match=message):
        decode(Outer, {**GOOD, **change})


def test_toml_numbers_of_thousands_of_digits_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text(f"x = {'9' * 5000}")
    with pytest.raises(DataError, match=r"x.toml: is not TOML"):
        read_toml(tmp_path / "x.toml")
