"""The sink `jsonl:PATH`: one JSON object a line and decision."""

import json
import sys
from collections.abc import Sequence

from edge import sinks, stream
from edge_common import Closable, SinkError


def open_sink(target: str, run: sinks.RunInfo) -> "JsonLines":
    return JsonLines(target)


class JsonLines(Closable):
    """Decisions as JSON lines into a file, or onto stdout if the path is `-`.

    Each line is written and flushed as a whole, so that a reader (or a power cut)
    never sees half of one. Raises SinkError if the file cannot be written.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        try:
            self._stream = (
                sys.stdout if path == "-" else open(path, "w", encoding="utf-8")  # noqa: SIM115
            )
        except OSError as error:
            raise SinkError(
                f"{path} cannot be written ({error.strerror}): choose another path"
            ) from error

    def take(self, frame: stream.Frame, decisions: Sequence[stream.Decision]) -> None:
        try:
            for decision in decisions:
                self._stream.write(json.dumps(decision.to_json(), ensure_ascii=False) + "\n")
                self._stream.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise SinkError(
                f"{self._path} cannot be written ({error.strerror}): free some space"
            ) from error

    def close(self) -> None:
        if self._stream is not sys.stdout:
            self._stream.close()
