import json
import re
from datetime import datetime, timezone
from pathlib import Path

from edge.scene import Presence, SceneView
from edge.sinks import ShowsPeople
from edge.sinks.jsonl import JsonLines

NOON, LATER = (datetime(2026, 7, 1, 12, 0, second, tzinfo=timezone.utc) for second in (0, 3))


def test_each_change_of_presence_is_a_line(tmp_path: Path) -> None:
    nobody, two = Presence(0, NOON), Presence(2, LATER)
    with JsonLines(str(tmp_path / "out.jsonl")) as sink:
        assert isinstance(sink, ShowsPeople)
        for frame, presence in enumerate((nobody, nobody, two, two)):
            sink.show_people(SceneView(frame, (), (), presence))
        sink.show_people(SceneView(7, (), (), two, source="yard"))
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert all(re.fullmatch(r"20\d\d-.*T.*\+00:00", line.pop("at")) for line in lines)
    assert lines == [
        {"presence": {"count": 0, "since": "2026-07-01T12:00:00.000+00:00"}, "frame": 0},
        {"presence": {"count": 2, "since": "2026-07-01T12:00:03.000+00:00"}, "frame": 2},
        {"presence": {"count": 2, "since": "2026-07-01T12:00:03.000+00:00"}, "frame": 7, "source": "yard"},
    ]  # fmt: skip
