"""Records that boards send home: of the bundle that was asked for, whole, and once."""

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge_benchmarks.record import to_json
from edge_common import SinkError
from edge_fleet.boards.outcomes import BoardResult, TaskOutcome
from edge_fleet.boards.records import RecordFolder
from tests.benchmarks.samples import RECORD

SHA256 = RECORD.bundle.sha256


def sent(board: str, content: str) -> TaskOutcome:
    report = {"record": base64.b64encode(content.encode()).decode()}
    return TaskOutcome(board, "Report", "ok", {"edge_report": report})


def test_each_record_is_written_as_it_comes_and_one_report_of_all(tmp_path: Path) -> None:
    folder = RecordFolder(tmp_path / "records", "report.csv", SHA256)
    assert folder.write_report() is None
    for board in ("door", "yard/2"):
        assert not folder.has(board)
        folder.take(sent(board, to_json(RECORD)))
        assert folder.has(board) and folder.judged(board, BoardResult()).is_well
    report = folder.write_report()
    assert report and len(report.read_text().splitlines()) == 1 + 2 * len(RECORD.measurements)
    # or nobody knows whose figures these are
    assert f"{RECORD.bundle.name}, door" in report.read_text()
    assert folder.path("yard/2").parent == tmp_path / "records"


def test_a_record_of_another_bundle_is_a_line_and_no_file(tmp_path: Path) -> None:
    other = replace(RECORD, bundle=replace(RECORD.bundle, sha256="f" * 64))
    folder = RecordFolder(tmp_path, "report.md", SHA256)
    folder.take(sent("door", to_json(other)))
    assert "runs another bundle" in folder.judged("door", BoardResult()).problem
    assert not folder.has("door") and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["", "{", json.dumps({"schema": 0}), "[1]"])
def test_what_is_no_record_is_one_line(tmp_path: Path, content: str) -> None:
    folder = RecordFolder(tmp_path, "report.md", SHA256)
    folder.take(sent("door", content))
    problem = folder.judged("door", BoardResult()).problem
    assert problem and "\n" not in problem


@pytest.mark.parametrize("result", [{}, {"edge_report": "x"}, {"edge_report": {"record": "§"}}])
def test_other_results_write_nothing(tmp_path: Path, result: dict[str, Any]) -> None:
    folder = RecordFolder(tmp_path, "report.md", SHA256)
    folder.take(TaskOutcome("door", "Report", "ok", result))
    assert list(tmp_path.iterdir()) == []


def test_a_report_of_another_kind_is_refused_before_anything_is_measured(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match=r"it ends in \.html, \.md, \.csv"):
        RecordFolder(tmp_path, "report.pdf", SHA256)
