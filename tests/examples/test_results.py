from dataclasses import replace

import pytest

from edge_benchmarks.statistics import PercentileEstimate
from edge_common.errors import ConfigError
from examples.results_figures import BEGIN, END, rewrite, section
from tests.benchmarks.samples import RECORD, RERUN, STREAMED

_KNOWN = {"p50": PercentileEstimate(4.0, (3.9, 4.1)), "p99": PercentileEstimate(8.0)}
MEASURED = replace(
    RECORD,
    measurements=tuple(replace(m, percentiles=_KNOWN) for m in (STREAMED, RERUN)),
)


def test_figures_come_from_the_record() -> None:
    text = section([MEASURED])
    assert "| streamed | 4.00 [3.90, 4.10] | 8.00 | 1.00 x | 80.00 % [49.0, 94.3] |" in text
    assert "| split re-run | 4.00 [3.90, 4.10] | 8.00 | 11.00 x | as streamed |" in text
    assert "gains 11.0 x over running both parts again" in text


def test_only_what_stands_between_the_marks_is_replaced(tmp_path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    rewrite(readme, [MEASURED])
    text = readme.read_text()
    assert text.startswith(f"before\n{BEGIN}\n") and text.endswith(f"{END}\nafter\n")
    assert "old" not in text
    rewrite(readme, [MEASURED])
    assert readme.read_text() == text


def test_a_readme_without_marks_is_left_alone(tmp_path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("nothing")
    with pytest.raises(ConfigError, match="lacks the marks"):
        rewrite(readme, [MEASURED])
    assert readme.read_text() == "nothing"
