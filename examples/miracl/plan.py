"""Questions, members and folds of one file: each three of them is a training of its own."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edge_common import ConfigError, nearest_or_all, read_toml
from edge_models.datasets.kinds import at_fold
from edge_models.training.config import section
from examples.sweep.plan import Sweep, SweepMember, sweep_of, taken

OTHER_KIND = {"words": "phrases", "phrases": "words"}


@dataclass(frozen=True)
class Question:
    """What is asked of all members.

    Attributes:
        folds: each tests once what is trained on the others; 0: there are none.
        data: what its [data] says besides.
    """

    name: str = ""
    folds: int = 0
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class FoldRun:
    """One training: what sweeps train, called `grid-utterance-0` of the member `grid`."""

    question: Question
    member: str
    fold: int
    training: SweepMember


@dataclass(frozen=True)
class QuestionPlan:
    """All that is to be trained.  members: names, and what they are about, in the file's order."""

    name: str
    questions: tuple[Question, ...]
    members: dict[str, str]
    runs: tuple[FoldRun, ...]

    def select(
        self,
        members: Sequence[str] = (),
        questions: Sequence[str] = (),
        folds: Sequence[int] = (),
    ) -> list[FoldRun]:
        """Those of some members, questions and folds, in their order; of all, if none is named.

        Raises:
            ConfigError: there is no such name.
        """
        known = {"member": list(self.members), "question": [q.name for q in self.questions]}
        for kind, names in (("member", members), ("question", questions)):
            for name in names:
                if name not in known[kind]:
                    near = nearest_or_all(name, known[kind])
                    raise ConfigError(f"no {kind} is called {name}{near}")
        counts = [q.folds for q in self.questions if q.name in (questions or known["question"])]
        for fold in folds:
            if fold >= max(1, *counts):
                raise ConfigError(
                    f"there is no fold {fold}: they are from 0 to below {max(1, *counts)}"
                )
        return [
            run for question in questions or known["question"]
            for member in members or known["member"] for run in self.runs
            if (run.question.name, run.member) == (question, member)
            and (not folds or run.fold in folds)
        ]  # fmt: skip


def read_plan(path: Path, data: str) -> QuestionPlan:
    """Read a sweep's file that has `[[question]]`s; the data set lies in the folder `data`.

    Raises:
        ConfigError: it holds a key or a value that no training has, or a question without a name
            of its own.
    """
    table = read_toml(path)
    rows = taken(table, "question", list, str(path))
    questions = [section(Question, row, f"{path}: question {i}") for i, row in enumerate(rows, 1)]
    if len({question.name for question in questions} - {""}) < len(questions):
        raise ConfigError(f"{path}: each question needs a name of its own")
    runs: list[FoldRun] = []
    for question in questions:
        _check_kind(question, str(path))
        own = {**table, "data": {**table.get("data", {}), **question.data}}
        sweep = sweep_of(own, f"{path}: {question.name}", data)
        runs += _runs(question, sweep, str(path))
    about = {member.name: member.about for member in sweep.members}
    return QuestionPlan(sweep.name, tuple(questions), about, tuple(runs))


def _check_kind(question: Question, where: str) -> None:
    if not question.folds or "person" not in question.data.get("tasks", []):
        return
    if question.data.get("train", {}).get("kind") not in OTHER_KIND:
        raise ConfigError(
            f"{where}: question {question.name}: in folds, people are asked by what training does not "
            'hear of them: say data.train = { kind = "words" }, or "phrases"'
        )


def _runs(question: Question, sweep: Sweep, where: str) -> Iterator[FoldRun]:
    for member in sweep.members:
        if member.pretrained_from:
            raise ConfigError(
                f"{where}: {member.name}: each training here has a backbone of its own"
            )
        for fold in range(max(1, question.folds)):
            config, name = member.training, f"{member.name}-{question.name}"
            if question.folds:
                config = replace(config, data=at_fold(config.data, fold))
                name = f"{name}-{fold}"
            yield FoldRun(question, member.name, fold, replace(member, name=name, training=config))
