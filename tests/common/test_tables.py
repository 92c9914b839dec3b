from dataclasses import asdict, dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_common.data import TableError, build, nearest


@dataclass(frozen=True)
class _Inner:
    size: int
    share: float | None = None


@dataclass(frozen=True)
class _Outer:
    name: str
    inner: _Inner
    numbers: tuple[int, ...] = ()
    inners: tuple[_Inner, ...] = ()


_inner = st.builds(_Inner, st.integers(), st.none() | st.floats(allow_nan=False))
_outer = st.builds(
    _Outer, st.text(), _inner, st.lists(st.integers()).map(tuple), st.lists(_inner).map(tuple)
)


def _plain(value: object) -> object:
    """As TOML and JSON give it back: lists for tuples."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


@given(_outer)
def test_a_table_comes_back(value: _Outer) -> None:
    assert build(_Outer, _plain(asdict(value))) == value


def test_a_whole_number_is_a_number() -> None:
    assert repr(build(_Inner, {"size": 1, "share": 2})) == "_Inner(size=1, share=2.0)"


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({"inner": {"size": 1}}, "key 'name' is missing"),
        ({"name": "a", "inner": {}}, "key 'inner.size' is missing"),
        ({"name": "a", "inner": {"sizes": 1}}, "unknown key 'inner.sizes'; did you mean 'size'?"),
        ({"name": "a", "inner": []}, "key 'inner' should be a table, [inner], not []"),
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
def test_what_is_wrong_is_named(table: dict, told: str) -> None:
    with pytest.raises(TableError) as error:
        build(_Outer, table)
    assert str(error.value) == told


def test_nothing_is_near() -> None:
    assert nearest("zzz", ["cores", "clock"]) == ""
