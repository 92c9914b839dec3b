"""Figures drawn from samples, and how far they can be trusted."""

from edge_benchmarks.statistics.intervals import (
    PercentileEstimate,
    percentile_estimates,
    percentile_interval,
)
from edge_benchmarks.statistics.samples import (
    Outliers,
    Summary,
    Trend,
    median,
    monotone_trend,
    spread,
    summarise,
    tukey_outliers,
)
from edge_benchmarks.statistics.verdict import CHECKS, Check, Evidence, Verdict, judge

__all__ = [
    "CHECKS",
    "Check",
    "Evidence",
    "Outliers",
    "PercentileEstimate",
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
