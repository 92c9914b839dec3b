"""How far a network's answers are to be trusted: calibration, unknown windows, errors by group."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from edge.tasks import UNKNOWN, Classification, Task
from edge_common import ConfigError, nearest_or_all
from edge_models.evaluation import calibration, groups, network, refusal
from edge_models.sections import EvaluationSection


@dataclass(frozen=True)
class Trust:
    """What was measured; refusals and groups only if the training file asks for them.

    Attributes:
        is_held_out: whether there were validation clips that training did not learn from.
        label_noise: by task, the error of the labels themselves.
    """

    is_held_out: bool
    calibrations: Mapping[str, calibration.TemperatureTrial]
    refusals: Mapping[str, refusal.UnknownTrial]
    groups: Sequence[groups.GroupedErrors]
    label_noise: Mapping[str, float]

    def for_tasks_file(self) -> dict[str, dict[str, Any]]:
        """By task what its bundle is to say; None: nothing. Empty if nothing could be found."""
        if not self.is_held_out:
            return {}
        rules = {task: each.rule for task, each in self.refusals.items()}
        return {
            task: {
                "temperature": None if each.reason else each.temperature,
                "unknown": asdict(rule) if (rule := rules.get(task)) else None,
            }
            for task, each in self.calibrations.items()
        }


def check_evaluation(section: EvaluationSection, tasks: Sequence[Task]) -> None:
    """Raise ConfigError if a name in the training file's [evaluation] is none of the tasks."""
    groups.check_groups(section.groups, tasks)
    every = [task.name for task in tasks]
    classes = [task.name for task in tasks if task.kind == Classification.name]
    for key, names, valid in (
        ("unknown", section.unknown, classes), ("label_noise", section.label_noise, every),
    ):  # fmt: skip
        for name in names:
            if name not in valid:
                kind = "task with classes" if valid is classes else "task"
                raise ConfigError(
                    f"evaluation.{key} names {name!r}, which is no {kind}"
                    f"{nearest_or_all(name, valid)}"
                )
    for task in tasks:
        if task.name in section.unknown and UNKNOWN in task.labels:
            raise ConfigError(
                f"{task.name} has a class '{UNKNOWN}': leave it out of evaluation.unknown"
            )


def measure_trust(
    tasks: Sequence[Task],
    section: EvaluationSection,
    held_out: network.Predictions | None,
    test: network.Predictions,
    impostors: network.Predictions | None,
) -> Trust:
    """Find temperatures and rules on `held_out`, and measure them on `test`.

    Args:
        held_out: of the validation clips; None if training learnt from them, too.
        impostors: clips of people that no part has, if there are any.
    """
    classes = [task.name for task in tasks if task.kind == Classification.name]

    known, unknown = (_classified(part, classes) for part in (held_out, impostors))
    tests = _classified(test, classes)
    return Trust(
        held_out is not None,
        {name: calibration.calibrate(known.get(name), tests[name]) for name in classes},
        {
            name: refusal.refuse(share, known.get(name), tests[name], unknown.get(name))
            for name, share in section.unknown.items()
        },
        groups.errors_by_group(test, tasks, section.groups),
        section.label_noise,
    )


def _classified(
    predictions: network.Predictions | None, tasks: Sequence[str]
) -> dict[str, calibration.ClassifiedClips]:
    """By task; empty if there are none."""
    if predictions is None:
        return {}
    part = predictions.part
    return {
        name: calibration.ClassifiedClips(
            predictions.outputs[name], part.labels[name], part.source_of_each
        )
        for name in tasks
    }
