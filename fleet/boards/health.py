"""How a board is: what its service, page, self-test and doctor say, and whether that is well enough."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from edge_common import DataError, parse_json

_RUNS = ("active", "reloading")
_AGE = re.compile(r"\bage (\d+(?:\.\d+)?) ms\b")
_SILENT = re.compile(r"no frame for (\d+) s")
_SETTINGS = re.compile(r"settings not changed: (.*)")
# a line of Prometheus' text format: name, labels, value
_METRIC = re.compile(r"(edge_run_\w+)(?:\{[^}]*\})? (\S+)")
# states of an update (docs/updates.md)
_ON_TRIAL, _UPDATE_FAILED = ("checking", "shadow", "probation"), ("refused", "brought back")
_MS, _LEAST_AGE_MS = 1e3, 100.0


@dataclass(frozen=True)
class HealthSample:
    """How a board is at one moment.  What it does not tell is None, or "".

    sha256: of the bundle that runs.  state: of the service, as systemd says it.  restarts: of the
    service since it was loaded.  age_ms: of the newest frame at its decision, or since it came.
    frames, errors: since the run began; frames dropped or unreadable are errors.
    takes_updates: whether the run does.  update: state of the newest one of this bundle, and what was
    seen: a shadow that disagrees is refused.  kept_sha256: of the bundle that the run kept last.
    self_test: why it failed; None: it passed, or was not asked for.  doctor: its problems.
    """

    sha256: str = ""
    state: str = ""
    status: str = ""
    restarts: int | None = None
    age_ms: float | None = None
    frames: float | None = None
    errors: float | None = None
    takes_updates: bool = False
    update: str = ""
    update_reason: str = ""
    kept_sha256: str = ""
    self_test: str | None = None
    doctor: tuple[str, ...] = ()

    @property
    def is_settled(self) -> bool:
        """Whether no shadow or probation goes on."""
        return self.update not in _ON_TRIAL

    @property
    def settings_problem(self) -> str:
        match = _SETTINGS.search(self.status)
        return match[1] if match else ""


@dataclass(frozen=True)
class HealthLimits:
    """age_ms: at most; None: twice what it was before, and 100 ms at least.

    error_share: of frames since the sample before.
    """

    age_ms: float | None = None
    error_share: float = 0.01


def sample(report: Mapping[str, Any]) -> HealthSample:
    """Of what the playbook `health` reports. Raises DataError if it is no such report."""
    service = _json(report.get("service"), "its service")
    metrics = _metrics(str(report.get("metrics") or ""))
    status = str(service.get("StatusText", ""))
    age = _AGE.search(status)
    silent = _SILENT.search(status)
    age_ms = float(silent[1]) * _MS if silent else float(age[1]) if age else None
    if age_ms is None and "edge_run_frame_age_seconds" in metrics:
        age_ms = metrics["edge_run_frame_age_seconds"] * _MS
    errors = [metrics.get(f"edge_run_frames_{kind}_total") for kind in ("dropped", "unreadable")]
    return HealthSample(
        str(report.get("sha256", "")),
        str(service.get("ActiveState", "")) or _last(report.get("service_error")),
        status,
        _number(service.get("NRestarts")),
        age_ms,
        metrics.get("edge_run_frames_total"),
        sum(filter(None, errors)) if any(each is not None for each in errors) else None,
        str(report.get("takes_updates", "")).lower() == "true",
        *_update(report),
        _self_test(report),
        tuple(_doctor(report)),
    )


def problem(
    now: HealthSample, before: HealthSample | None, limits: HealthLimits, sha256: str = ""
) -> str:
    """Why a board is not well; "": it is.  before: its sample without the new bundle.

    sha256: of the bundle that has to run; "": any.
    """
    return next(_problems(now, before or HealthSample(), limits, sha256), "")


def missing_update(now: HealthSample, before: HealthSample | None) -> str:
    """What is still missing, if the run takes updates and has not begun the one to this bundle; "": nothing.

    It is no problem for a moment. A bundle that is no version of the one before is loaded without one,
    and copied.
    """
    is_new = before is not None and before.sha256 not in ("", now.sha256)
    if not (now.takes_updates and is_new) or now.update or now.kept_sha256 == now.sha256:
        return ""
    return "its run took no update to the bundle: were its settings and [update] read? restart it"


def _problems(
    now: HealthSample, before: HealthSample, limits: HealthLimits, sha256: str
) -> Iterator[str]:
    if sha256 and now.sha256 != sha256:
        yield f"runs another bundle: {now.sha256[:12] or 'none'}"
    if now.self_test is not None:
        yield f"self-test: {now.self_test}"
    old = {each.partition(":")[0] for each in before.doctor}  # figures in their texts change
    for each in now.doctor:
        if each.partition(":")[0] not in old:
            yield f"doctor: {each}"
    if now.state and now.state not in _RUNS and before.state in ("", *_RUNS):
        yield f"its service does not run: {now.state}"
    if now.update in _UPDATE_FAILED:
        yield f"its update was {now.update}: {now.update_reason}"
    if now.settings_problem and not before.settings_problem:
        yield f"its service did not take the bundle: {now.settings_problem}"
    if (now.restarts or 0) > (before.restarts or 0):
        yield f"its service was started again {(now.restarts or 0) - (before.restarts or 0)} times"
    yield from _figures(now, before, limits)


def _figures(now: HealthSample, before: HealthSample, limits: HealthLimits) -> Iterator[str]:
    """A number that is none is beyond each limit."""
    if now.age_ms is not None:
        most_ms = limits.age_ms
        if most_ms is None:
            most_ms = max(_LEAST_AGE_MS, 2 * (before.age_ms or 0.0))
        if not now.age_ms <= most_ms:
            yield f"age of frames {now.age_ms:.0f} ms, at most {most_ms:.0f}"
    if now.errors is not None and now.frames is not None:
        # a run that was reloaded counts from zero
        is_new_run = now.frames < (before.frames or 0)
        errors = now.errors - (0 if is_new_run else before.errors or 0)
        frames = now.frames - (0 if is_new_run else before.frames or 0)
        share = errors / frames if frames > 0 else 0.0
        if not share <= limits.error_share:
            yield f"{100 * share:.1f} % of frames lost, at most {100 * limits.error_share:g}"


def _json(text: Any, source: str) -> dict[str, Any]:
    """{} if it says nothing; Ansible may have read it already."""
    if isinstance(text, dict):
        return text
    if not text:
        return {}
    content = parse_json(str(text), source)
    if not isinstance(content, dict):
        raise DataError(f"{source}: is no table")
    return content


def _metrics(text: str) -> dict[str, float]:
    """Sums over labels, but of ages the oldest; what is no number of Prometheus' is left out."""
    values: dict[str, float] = {}
    for line in text.splitlines():
        if match := _METRIC.fullmatch(line):
            name, value = match[1], _float(match[2])
            is_age = name.endswith("_age_seconds")
            values[name] = max(values.get(name, value), value) if is_age else (
                values.get(name, 0.0) + value
            )  # fmt: skip
    return values


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _number(value: Any) -> int | None:
    text = str(value)
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else None


def _update(report: Mapping[str, Any]) -> tuple[str, str, str]:
    """State and reason, if it is one of the bundle that has to run; and which one was kept last."""
    update = _json(report.get("update"), "its update")
    kept_sha256 = str(update.get("kept_sha256", ""))
    if update.get("sha256") != report.get("sha256"):
        return "", "", kept_sha256
    return str(update.get("update", "")), str(update.get("reason", "")), kept_sha256


def _self_test(report: Mapping[str, Any]) -> str | None:
    """-1 is the code of one that was not asked for, or could not be started."""
    error = _last(report.get("self_test_error"))
    if str(report.get("self_test_code", -1)) in ("0", "-1") and not error:
        return None
    if str(report.get("self_test_code")) == "0":
        return None
    return error.removeprefix("Error: ") or f"code {report.get('self_test_code')}"


def _doctor(report: Mapping[str, Any]) -> Iterator[str]:
    if not report.get("doctor") and (error := _last(report.get("doctor_error"))):
        yield error
    for check in _json(report.get("doctor"), "its doctor").get("checks", ()):
        if check.get("status") == "problem":
            yield f"{check.get('check')}: {check.get('what')}"


def _last(text: Any) -> str:
    lines = [line.strip() for line in str(text or "").splitlines() if line.strip()]
    return lines[-1][:300] if lines else ""
