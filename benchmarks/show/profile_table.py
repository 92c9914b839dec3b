"""A profile on screen: the slowest operators, the kinds, and what is left over."""

from edge_benchmarks.inside.profile.figures import OperatorTime, PartProfile
from edge_common.console import text_table

_HEADER = ("operator", "output", "M multiply-adds", "ms", "share", "kernel")
_DISTURBED = 0.05  # left over, relative to the whole
_KINDS_HEADER = ("kind", "count", "M multiply-adds", "ms", "share")


def profile_table(profile: PartProfile, top: int = 10) -> str:
    """The `top` slowest operators and all kinds, as plain text."""
    slowest = [_row(found) for found in profile.slowest(top)]
    kinds = [
        (k.kind, k.count, f"{k.multiply_adds / 1e6:.2f}", f"{k.ms:.3f}", f"{k.share:.1%}")
        for k in profile.kinds
    ]
    tables = (text_table(_HEADER, slowest), text_table(_KINDS_HEADER, kinds), _closing(profile))
    return "\n\n".join(tables)


def _row(found: OperatorTime) -> tuple[str, ...]:
    return (
        f"{found.index} {found.operator}",
        " x ".join(map(str, found.shape)),
        f"{found.multiply_adds / 1e6:.2f}",
        f"{found.ms:.3f}",
        f"{found.share:.1%}",
        found.kernel if found.delegated else f"{found.kernel} (not delegated)",
    )


def _closing(profile: PartProfile) -> str:
    lines = [
        f"{len(profile.operators)} operators: {profile.sum_ms:.3f} ms of "
        f"{profile.whole_ms:.3f} ms ({profile.residual:+.1%} left over), "
        f"{profile.runs} runs with {profile.method}"
    ]
    if profile.below_resolution:
        lines.append(
            f"{profile.below_resolution} of them are below its resolution of 1 us and share "
            f"{profile.below_resolution_ms:.3f} ms of what the others leave"
        )
    if abs(profile.residual) > _DISTURBED:
        lines.append("other programs disturbed the recording: close them and profile again")
    return "\n".join(lines)
