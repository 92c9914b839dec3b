"""Tasks that infer what law protects most, such as race or emotion: answered only if it is asked for.

The EU's AI Act (Regulation 2024/1689, Article 5) bans systems that infer emotions at work and in
education, and those that categorise people by biometric data to deduce their race, political
opinions, trade union membership, religious or philosophical beliefs, sex life or sexual orientation.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from edge import bundle, tasks
from edge_common import ConfigError, nearest_or_all

if TYPE_CHECKING:
    from edge.events.alert import Alert

# each of these within a task's name, as whole words in this order
_NAMES = (
    "race", "races", "racial", "ethnic", "ethnicity", "ethnicities", "emotion", "emotions",
    "emotional", "mood", "feeling", "feelings", "religion", "religious", "belief", "beliefs",
    "political", "politics", "party membership", "trade union", "union membership",
    "sexual orientation", "sexuality", "sex life",
)  # fmt: skip
# P. Ekman's basic emotions (1992), with the words that data sets have for them
_EMOTIONS = frozenset((
    "anger", "angry", "disgust", "disgusted", "fear", "fearful", "afraid", "happy", "happiness", "joy",
    "sad", "sadness", "surprise", "surprised", "contempt",
))  # fmt: skip
_TELLING = 3  # labels of these, from which on a task is about emotions whatever it is called
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def is_sensitive(task: tasks.Task) -> bool:
    """Whether its bundle marks it so, or its name or labels say that it is."""
    emotions = {label.strip().lower() for label in task.labels} & _EMOTIONS
    return task.sensitive or _is_named(task.name) or len(emotions) >= _TELLING


def _is_named(name: str) -> bool:
    words = f" {' '.join(_WORDS.findall(name)).lower()} "
    return any(f" {each} " in words for each in _NAMES)


def permitted(
    whole: bundle.Bundle, allowed: Sequence[str], alerts: "Iterable[Alert]" = ()
) -> tuple[bundle.Bundle, tuple[str, ...]]:
    """The bundle without the sensitive tasks that nobody allowed, and their names.

    allowed: names of tasks.  alerts: that are judged.
    Raises ConfigError if there is no such task, an alert needs one that is withheld, or none is left.
    """
    every = whole.manifest.tasks
    names = [task.name for task in every]
    for name in allowed:
        if name not in names:
            hint = nearest_or_all(name, names)
            raise ConfigError(f"--allow-sensitive {name}: there is no task '{name}'{hint}")
    withheld = tuple(t.name for t in every if is_sensitive(t) and t.name not in allowed)
    for alert in alerts:
        if alert.task in withheld:
            raise ConfigError(f"alert '{alert}' needs a task that is withheld: {_why(alert.task)}")
    if not withheld:
        return whole, ()
    answered = tuple(task for task in every if task.name not in withheld)
    if not answered:
        raise ConfigError(f"{whole.manifest.name} would answer nothing: {_why(*withheld)}")
    kept = replace(whole.manifest, tasks=answered)
    return replace(whole, manifest=kept, whole=whole.manifest), withheld


def note_of(withheld: Sequence[str]) -> str:
    """One line that says what is not answered, why, and what changes that."""
    return f"not answered: {_why(*withheld)}"


def _why(*names: str) -> str:
    several = len(names) > 1
    options = " ".join(f"--allow-sensitive {name}" for name in names)
    return (
        f"{', '.join(names)} {'are' if several else 'is'} sensitive, and banned or limited in places "
        f"(EU AI Act, Article 5): where {'they are' if several else 'it is'} lawful, {options} answers "
        f"{'them' if several else 'it'} (docs/privacy.md)"
    )
