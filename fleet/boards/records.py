"""Records of `edge-bench` that boards sent home: a file a board, and one report of all."""

import base64
from dataclasses import replace
from pathlib import Path

from edge_benchmarks.record import Record, from_json, read_record
from edge_benchmarks.show.writing import check_output, write_report
from edge_common import ConfigError, SinkError, slug, write_whole
from edge_fleet.boards.outcomes import REPORT, BoardResult, TaskOutcome

_MOST_BYTES = 64 << 20


class RecordFolder:
    """Each record is written as it comes: what was interrupted goes on with the other boards.

    bundle_sha256: of the file of the bundle whose records they are.
    Raises SinkError if it cannot be written.
    """

    def __init__(self, folder: Path, report: str, bundle_sha256: str) -> None:
        self._folder, self._report, self._sha256 = folder, folder / report, bundle_sha256
        self._problems: dict[str, str] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SinkError(f"{folder} cannot be made: {error.strerror}") from error
        check_output(self._report)

    def path(self, board: str) -> Path:
        return self._folder / f"{slug(board)}.json"

    def has(self, board: str) -> bool:
        """Whether there is a whole record of this bundle."""
        try:
            record = read_record(self.path(board))
        except ConfigError:
            return False
        return record.complete and record.bundle.sha256 == self._sha256

    def take(self, result: TaskOutcome) -> None:
        """Write the record that a board's last task reports."""
        report = result.result.get(REPORT)
        if result.status != "ok" or not isinstance(report, dict):
            return
        try:
            content = base64.b64decode(str(report.get("record", "")), validate=True)
            record = self._checked(content, result.board)
        except (ConfigError, ValueError) as error:  # of base64, of UTF-8
            self._problems[result.board] = " ".join(str(error).split())
            return
        if record.bundle.sha256 != self._sha256:
            name = f"{record.bundle.name} {record.bundle.sha256[:12]}"
            self._problems[result.board] = f"it runs another bundle, {name}: roll it out first"
        else:
            write_whole(self.path(result.board), content)

    def judged(self, board: str, result: BoardResult) -> BoardResult:
        """With what was wrong with its record."""
        problem = self._problems.get(board, "")
        return replace(result, problem=problem) if problem else result

    def write_report(self) -> Path | None:
        """None if there is no record. Raises SinkError, ConfigError."""
        paths = sorted(path for path in self._folder.glob("*.json") if self._is_of_bundle(path))
        if not paths:
            return None
        records = [replace(read_record(path), place=path.stem) for path in paths]
        write_report(self._report, records)
        return self._report

    def _is_of_bundle(self, path: Path) -> bool:
        try:
            return read_record(path).bundle.sha256 == self._sha256
        except ConfigError:
            return False

    def _checked(self, content: bytes, board: str) -> Record:
        if len(content) > _MOST_BYTES:
            raise ConfigError(f"the record of {board} has {len(content)} bytes")
        return from_json(content.decode(), f"the record of {board}")
