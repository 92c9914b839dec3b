"""Figures drawn from samples, and how far they can be trusted."""

from edge_benchmarks.statistics.intervals import (
    PercentileEstimate,
    percentile_estimates,
    percentile_interval,
)
from edge_benchmarks.statistics.samples import (
    CHECKS,
    Evidence,
    Outliers,
    StabilityCheck,
    Summary,
    Trend,
    Verdict,
    judge,
    median,
    monotone_trend,
    spread,
    summarise,
    tukey_outliers,
)

__all__ = [
    "CHECKS",
    "Evidence",
    "Outliers",
    "PercentileEstimate",
    "StabilityCheck",
    "Summary",
    "Trend",
    "Verdict",
    "judge",
    "median",
    "monotone_trend",
    "percentile_estimates",
    "percentile_interval",
    "spread",
    "summarise",
    "tukey_outliers",
]
