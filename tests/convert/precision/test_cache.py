"""Results that are kept: made once, whole or made again, and no more than fits."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

from edge.bundle import InputSpec
from edge_convert.precision import cache, parts
from edge_convert.precision.cache import ResultCache, fingerprint, key_of
from edge_convert.precision.calibration import NetworkInput
from edge_convert.precision.jobs import ConversionJobs
from edge_convert.precision.recipes import FLOAT32, INT8, Recipe
from tests import tiny


def test_a_result_is_made_once(tmp_path: Path) -> None:
    results = iter([b"first", b"second"])
    kept = ResultCache(tmp_path / "made")
    assert kept.result("a", lambda: next(results)) == b"first"
    assert kept.result("a", lambda: next(results)) == b"first"
    assert ResultCache().result("a", lambda: next(results)) == b"second"


@pytest.mark.parametrize("damage", [b"", b"short", b"x" * 40])
def test_a_damaged_result_is_made_again(tmp_path: Path, damage: bytes) -> None:
    kept = ResultCache(tmp_path)
    kept.store("a", b"whole")
    (tmp_path / "a").write_bytes(damage)
    assert kept.load("a") is None
    assert kept.result("a", lambda: b"again") == b"again"
    assert kept.load("a") == b"again"


def test_what_was_not_used_for_longest_goes_first(tmp_path: Path) -> None:
    kept = ResultCache(tmp_path, most_bytes=3 * 132)
    for number, name in enumerate("abc"):
        kept.store(name, bytes(100))
        os.utime(tmp_path / name, (number, number))
    kept.load("a")
    kept.store("d", bytes(100))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "c", "d"]
    kept.store("huge", bytes(1000))
    assert kept.load("huge") is None and kept.load("a") == bytes(100)


def test_a_folder_that_cannot_be_keeps_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    kept = ResultCache(tmp_path / "file")
    assert kept.result("a", lambda: b"made") == b"made"
    assert kept.load("a") is None


JSON = st.recursive(st.text() | st.integers(), lambda inner: st.lists(inner, max_size=3))


@given(JSON, JSON)
def test_contents_that_differ_have_other_keys(first: Any, second: Any) -> None:
    assert (key_of("kind", first) == key_of("kind", second)) == (first == second)
    assert key_of("kind", first) != key_of("another", first)


def test_arrays_differ_by_form_and_mappings_by_names() -> None:
    zeros = np.zeros((2, 3), np.float32)
    others = [zeros.reshape(3, 2), zeros.astype(np.int32), zeros + 1]
    prints = {fingerprint(each) for each in (zeros, *others)}
    assert len(prints) == 4 and fingerprint(zeros.copy()) in prints
    assert fingerprint({"a": zeros, "b": others[0]}) == fingerprint({"b": others[0], "a": zeros})
    assert fingerprint({"a": zeros}) != fingerprint({"b": zeros})


def test_files_in_a_folder_count_with_their_names(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    before = cache.file_fingerprint(tmp_path)
    assert cache.file_fingerprint(tmp_path / "a") != before
    (tmp_path / "a").rename(tmp_path / "b")
    assert cache.file_fingerprint(tmp_path) != before


class WithoutChildren(ConversionJobs):
    """Has nothing to convert with."""

    def start(self, module: str, *arguments: str | Path) -> Any:
        raise AssertionError(f"{module} was started")


def test_what_was_converted_before_is_not_converted_again(
    tmp_path: Path, tiny_float_parts: dict[str, bytes]
) -> None:
    pictures = tiny.frames(16).astype(np.float32)
    recipes = [FLOAT32, INT8, Recipe("dynamic_range")]
    kept, results = ResultCache(tmp_path / "cache"), []
    for kind, folder in ((ConversionJobs, "first"), (WithoutChildren, "second")):
        (tmp_path / folder).mkdir()
        with kind(tmp_path / folder, kept) as jobs:
            jobs.prepare("encoder", tiny_float_parts["encoder"], {"frame": pictures}, {})
            results.append((jobs.quantised("encoder", recipes), jobs.layer_costs("encoder")))
    assert results[0] == results[1]
    (tmp_path / "other").mkdir()
    with WithoutChildren(tmp_path / "other", kept) as jobs:
        jobs.prepare("encoder", tiny_float_parts["encoder"], {"frame": pictures[::-1]}, {})
        with pytest.raises(AssertionError, match="was started"):
            jobs.quantised("encoder", recipes)


def test_outputs_and_latencies_are_kept(
    tmp_path: Path, tiny_float_parts: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, last = (
        parts.describe(role, FLOAT32, model, 0) for role, model in tiny_float_parts.items()
    )
    windows = NetworkInput(tiny.labelled_clips(5)["clips"], InputSpec(32, 32))
    kept = ResultCache(tmp_path)
    told: list[int] = []

    def outputs() -> list[dict[str, np.ndarray]]:
        return cache.outputs(kept, first, [last, last], windows, lambda: told.append(1))

    computed = outputs()
    assert len(told) == 5
    monkeypatch.setattr(parts, "outputs_by_last_part", None)
    np.testing.assert_equal(outputs(), computed)
    assert cache.latencies_ms(kept, [first, last], lambda _: [0.1, 2.5]) == [0.1, 2.5]
    assert cache.latencies_ms(kept, [first, last], lambda _: [9.0, 9.0]) == [0.1, 2.5]
    assert cache.latencies_ms(kept, [last], lambda _: [9.0]) == [9.0]


@given(st.integers(1, 40))
def test_every_core_takes_a_stretch_and_the_order_stays(count: int) -> None:
    stretches = parts.on_every_core(count, list)
    assert [number for stretch in stretches for number in stretch] == list(range(count))
    assert len(stretches) == min(count, parts.CORES)
