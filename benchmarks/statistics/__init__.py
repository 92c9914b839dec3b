"""Figures drawn from samples, and how far they can be trusted."""

from benchmarks.statistics.outliers import Outliers, tukey_outliers
from benchmarks.statistics.percentile import (
    PercentileEstimate,
    percentile_estimates,
    percentile_interval,
)
from benchmarks.statistics.summary import Summary, median, spread, summarise
from benchmarks.statistics.trend import Trend, monotone_trend
from benchmarks.statistics.verdict import CHECKS, Check, Evidence, Verdict, judge

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
