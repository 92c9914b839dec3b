"""Whether a run goes on, as everybody judges it who looks from outside: a service manager, a health check."""

import math

from edge.summary import RunSummary, SourceSummary

_LATE_S = 10.0  # a source may tell of its silence so much later than it promises


def trouble(summary: RunSummary, waited_s: float, patience_s: float) -> tuple[str, str]:
    """What is wrong, and with which source, if with one; ("", ""): nothing is.

    A run is well as long as its loop turns, and each source gives frames, or says itself that it
    gives none just now (a gap) and is tried again.
    waited_s: since the loop's newest turn, which without frames takes a second.
    patience_s: how long a turn may take.
    """
    if waited_s > patience_s:
        return f"no turn of the loop for {waited_s:.0f} s", ""
    for counts in summary.sources:
        if silence := _unannounced(counts):
            return silence, counts.source.name
    return "", ""


def has_begun(summary: RunSummary) -> bool:
    """Whether a frame came, or a gap was announced."""
    return summary.frames > 0 or any(each.source.gap_s() for each in summary.sources)


def has_ended(summary: RunSummary) -> bool:
    """Whether no source gives frames any more."""
    return all(each.ended for each in summary.sources)


def _unannounced(counts: SourceSummary) -> str:
    """What is said of a silence that its source does not speak of; "" if there is none."""
    source = counts.source
    if counts.ended or source.gap_s():
        return ""
    silence_s, stall_after_s = source.silence_s(), source.stall_after_s()
    if silence_s <= stall_after_s + _LATE_S or math.isinf(stall_after_s):
        return ""
    return f"no frame for {silence_s:.0f} s, and nothing tries to get one"
