"""From the head's outputs to what a person or a program can read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edge.tasks import Prediction


@dataclass(frozen=True, slots=True)
class Decision:
    """What the network says of the window that ends with frame number `frame`.

    captured_at: monotonic seconds when that frame was captured.
    age_ms: from capture to decision.  latency_ms: milliseconds of each stage.
    predicted_for: the board that was played, whose predicted latency stands in both.
    """

    frame: int
    captured_at: float
    age_ms: float
    latency_ms: Mapping[str, float]
    tasks: Mapping[str, Prediction]
    predicted_for: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The promised JSON fields: frame, captured_at, age_ms, latency_ms, tasks.

        And `predicted_for`, if a board was played.
        """
        played = {"predicted_for": self.predicted_for} if self.predicted_for else {}
        return {
            "frame": self.frame,
            "captured_at": round(self.captured_at, 6),
            "age_ms": round(self.age_ms, 3),
            "latency_ms": {stage: round(ms, 4) for stage, ms in self.latency_ms.items()},
            "tasks": {name: prediction.to_json() for name, prediction in self.tasks.items()},
            **played,
        }
