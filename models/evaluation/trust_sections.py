"""The page's sections on trust, and its keys of report.json."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from edge_common import document
from edge_models.evaluation import calibration, groups, intervals, plots, refusal
from edge_models.evaluation.trust import Trust


def trust_sections(trust: Trust) -> list[document.Section]:
    """Of the page."""
    sections = [_calibration(trust)] if trust.calibrations else []
    sections += [
        document.Section(
            f"Reliability of {name}", svg=plots.reliability(each), level=3,
            caption=f"Share of right answers over their mean probability, in {calibration.BINS} bins "
            "of equally many test clips.",
        )
        for name, each in trust.calibrations.items()
    ]  # fmt: skip
    if trust.refusals:
        sections.append(_refusals(trust.refusals))
    return [*sections, *([_groups(trust.groups)] if trust.groups else [])]


def _calibration(trust: Trust) -> document.Section:
    rows = [
        (name, f"{each.temperature:.2f}", f"{each.fitted_on:,}", f"{each.before.counts.sum():,}",
         intervals.percent(each.before.error, 2), intervals.percent(each.after.error, 2),
         f"{each.before.loss:.3f}", f"{each.after.loss:.3f}")
        for name, each in trust.calibrations.items()
    ]  # fmt: skip
    header = ("task", "temperature", "validation clips", "test clips", "ECE before", "after",
              "loss before", "after")  # fmt: skip
    text = [
        "Is an answer of 80 % right in 80 % of all cases? The expected calibration error (ECE) is the "
        f"mean distance of both, in {calibration.BINS} bins of equally many test clips; the loss is "
        "the negative log-likelihood. The temperature (C. Guo et al., 2017) divides the logits; it is "
        "found on validation clips in float, goes into the tasks file and from there into the bundle, "
        "and changes no answer.",
    ]
    text += [f"{n}: no temperature, {c.reason}." for n, c in trust.calibrations.items() if c.reason]
    return document.Section("Calibration", text, [document.Table(header, rows, 1)])


def _refusals(refusals: Mapping[str, refusal.UnknownTrial]) -> document.Section:
    rows = [
        (name, "too few clips" if each.rule is None else f"{each.rule.by} below {each.rule.threshold:.3f}",
         intervals.percent(each.share), intervals.share_within(each.known), f"{each.known.n:,}",
         intervals.share_within(each.answered),
         intervals.share_within(each.strangers) if each.strangers else intervals.NONE,
         f"{each.strangers.n:,}" if each.strangers else intervals.NONE,
         ", ".join(f"{by} {area:.3f}" for by, area in each.areas.items()) or intervals.NONE)
        for name, each in refusals.items()
    ]  # fmt: skip
    header = ("task", "unknown if", "of known, at most", "of test clips (95 %)", "clips",
              "others right (95 %)", "of strangers (95 %)", "clips", "area under the ROC")  # fmt: skip
    text = [
        "Which windows are answered `unknown`. The threshold is that of the validation clips; intervals "
        "draw whole files. The area is the chance that a test clip scores higher than one of people "
        "that no part of the training had.",
    ]
    return document.Section("Unknown", text, [document.Table(header, rows, 2)])


def _groups(tables: Sequence[groups.GroupedErrors]) -> document.Section:
    rows, text = [], []
    for each in tables:
        for row in each.groups:
            bounds = (row.figure.low, row.figure.high)
            low_to_high = intervals.between(bounds) if each.is_share else intervals.numbers(bounds)
            cells = (_value(each, row.figure.value), low_to_high)
            rows.append((each.task, each.by, row.group, f"{row.figure.n:,}", *cells))
        best, worst = each.ends
        text.append(
            f"{each.task} by {each.by}: from {_value(each, best.figure.value)} of {best.group} to "
            f"**{_value(each, worst.figure.value)} of {worst.group}**."
        )
    header = ("task", "by", "group", "clips", "accuracy or mean error", "95 % by file")
    return document.Section("Errors by group", text, [document.Table(header, rows, 3)])


def _value(each: groups.GroupedErrors, value: float) -> str:
    return intervals.percent(value) if each.is_share else f"{intervals.number(value)} {each.unit}"


def noise_note(trust: Trust, task: str, is_share: bool, unit: str) -> str:
    """What the labels of a task are off by themselves; empty if nobody said."""
    if (noise := trust.label_noise.get(task)) is None:
        return ""
    amount = intervals.percent(noise) if is_share else f"{intervals.number(noise)} {unit}".rstrip()
    return f"The labels of {task} are themselves off by about {amount}."


def trust_json(trust: Trust) -> dict[str, Any]:
    """The keys of report.json; what is no number is NaN."""
    return {
        "calibration": {n: _calibration_json(each) for n, each in trust.calibrations.items()},
        "unknown": {name: _refusal_json(each) for name, each in trust.refusals.items()},
        "groups": [
            {
                "task": each.task, "by": each.by, "metric": each.metric, "unit": each.unit,
                "groups": [
                    {"group": row.group, **estimate_json(row.figure)} for row in each.groups
                ],
            }
            for each in trust.groups
        ],
        "label_noise": dict(trust.label_noise),
    }  # fmt: skip


def _calibration_json(each: calibration.TemperatureTrial) -> dict[str, Any]:
    return {
        "temperature": each.temperature,
        "fitted_on": each.fitted_on,
        "reason": each.reason,
        "binning": f"{calibration.BINS} bins of equal mass",
        "n": int(each.before.counts.sum()),
        **{name: _reliability_json(getattr(each, name)) for name in ("before", "after")},
    }


def _reliability_json(each: calibration.Reliability) -> dict[str, Any]:
    columns = {name: getattr(each, name).tolist() for name in ("confidence", "accuracy", "counts")}
    return {"ece": each.error, "nll": each.loss, **columns}


def _refusal_json(each: refusal.UnknownTrial) -> dict[str, Any]:
    return {
        "rule": asdict(each.rule) if each.rule else None,
        "share": each.share,
        "fitted_on": each.fitted_on,
        "known_refused": estimate_json(each.known),
        "answered_right": estimate_json(each.answered),
        "strangers_refused": estimate_json(each.strangers) if each.strangers else None,
        "roc_area": dict(each.areas),
    }


def estimate_json(figures: intervals.Estimate) -> dict[str, Any]:
    """A figure with its interval."""
    interval = (figures.low, figures.high)
    return {"value": figures.value, "n": figures.n, "interval_95": interval}
