import numpy as np
import pytest

from edge_benchmarks.run import baselines as cache
from edge_benchmarks.run.baselines import ConversionCache
from edge_common.errors import SinkError


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "m.keras"
    path.write_bytes(b"weights")
    return path


DATA = np.arange(4, dtype=np.float32)


def test_a_conversion_is_found_again(tmp_path, model) -> None:
    store = ConversionCache(tmp_path / "cache")
    path = store.path(model, "int8", DATA)
    store.store(path, b"TFL3")
    assert store.path(model, "int8", DATA.copy()).read_bytes() == b"TFL3"
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_all_that_it_was_made_from_counts(tmp_path, model, monkeypatch) -> None:
    store = ConversionCache(tmp_path)
    before = {store.path(model, "int8", DATA), store.path(model, "float32", None)}
    before.add(store.path(model, "int8", DATA + 1))
    monkeypatch.setattr(cache, "__version__", "next")
    before.add(store.path(model, "int8", DATA))
    model.write_bytes(b"other weights")
    before.add(store.path(model, "int8", DATA))
    assert len(before) == 5


def test_a_cache_that_cannot_be_written_is_said(tmp_path, model) -> None:
    store = ConversionCache(model)  # a file where a folder is needed
    with pytest.raises(SinkError, match="give another --cache"):
        store.store(store.path(model, "int8", None), b"")
