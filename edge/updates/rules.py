"""What an update has to pass: `[update]` in a settings file."""

from dataclasses import dataclass, field

_WEEK_S = 7 * 86_400


@dataclass(frozen=True)
class UpdateRules:
    """Times in seconds, and bounds; docs/updates.md says what each is for."""

    shadow_s: float = field(
        default=600.0,
        metadata={"doc": "Seconds as a shadow, unheard.", "ge": 0, "le": _WEEK_S},
    )
    probation_s: float = field(
        default=1800.0, metadata={"doc": "Seconds on probation.", "ge": 0, "le": _WEEK_S}
    )
    decisions: int = field(
        default=100,
        metadata={"doc": "That both made as a shadow, at least.", "ge": 1, "le": 1_000_000},
    )
    wait_s: float = field(
        default=86_400.0,
        metadata={"doc": "Seconds that these may take, at most.", "ge": 1, "le": _WEEK_S},
    )
    latency_ms: float | None = field(
        default=None,
        metadata={
            "doc": "Milliseconds a frame. [default: half of a live source's frame time]",
            "ge": 0.01,
            "le": 60_000,
        },
    )
    disagreement: float = field(
        default=0.5,
        metadata={"doc": "Share of decisions in which a task may differ.", "ge": 0, "le": 1},
    )
    age_factor: float = field(
        default=2.0,
        metadata={"doc": "So much older frames may be on probation.", "ge": 1, "le": 100},
    )
    event_factor: float = field(
        default=4.0,
        metadata={"doc": "So many times more or fewer events may come.", "ge": 1, "le": 1000},
    )
