"""The page's other sections, in a file of their own: files are what another core takes."""

from pathlib import Path

import pytest

from tests.convert import test_documented_networks as documented


@pytest.mark.parametrize("title", documented.SECTIONS[3:])
def test_the_section_runs_from_top_to_bottom(tmp_path: Path, title: str) -> None:
    documented.run_section(tmp_path, title)
