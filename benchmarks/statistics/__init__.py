"""Figures drawn from samples, and how far they can be trusted."""

from edge_benchmarks.statistics.percentile import (
    PercentileEstimate,
    percentile_estimates,
    percentile_interval,
)
from edge_benchmarks.statistics.samples import (
    Outliers,
    Summary,
    median,
    spread,
    summarise,
    tukey_outliers,
)
from edge_benchmarks.statistics.trend import Trend, monotone_trend
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
