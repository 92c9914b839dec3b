"""The options of `edge-bench run` as a suite speaks of them: by name, with TOML values."""

from collections.abc import Iterator, Mapping
from typing import Any

import click

from benchmarks.run_command import run
from benchmarks.suite.combination import Combination
from edge.delegates.choice import DEFAULT
from edge.errors import ConfigError

AXES = {"runtime": "runtimes", "threads": "threads", "delegate": "delegates"}  # -> their lists
_NOT_HERE = {*AXES, "output", "as_json"}  # the suite sets them itself


def option_names() -> list[str]:
    """As on the command line, without the dashes before them."""
    return [name.replace("_", "-") for name in _options()]


def _options() -> dict[str, click.Option]:
    found = (p for p in run.params if isinstance(p, click.Option))
    return {option.name: option for option in found if option.name not in _NOT_HERE}


def arguments(combination: Combination) -> list[str]:
    """What stands after `edge-bench run` for this combination, but for -o."""
    given = ["--runtime", combination.runtime, "--threads", str(combination.threads)]
    if combination.delegate != DEFAULT:
        given += ["--delegate", combination.delegate]
    return [*given, *_given(combination.options), "--", combination.bundle]


def _given(options: Mapping[str, Any]) -> Iterator[str]:
    known = _options()
    for name, value in options.items():
        option = known[name]
        flag = max(option.opts, key=len)
        if option.is_flag:
            yield from _flag(option, flag, value)
        else:
            for each in value if isinstance(value, list) else [value]:
                if isinstance(each, (bool, list, dict)):
                    raise ConfigError(f"`{name}` takes a value, not {each!r:.40}")
                yield from (flag, str(each))


def _flag(option: click.Option, flag: str, value: object) -> Iterator[str]:
    if not isinstance(value, bool):
        raise ConfigError(f"`{option.name}` is true or false, not {value!r:.40}")
    if value:
        yield flag
    elif option.secondary_opts:
        yield max(option.secondary_opts, key=len)


def check_options(combination: Combination) -> None:
    """Raise ConfigError where `edge-bench run` would refuse them, before anything runs."""
    try:
        run.make_context("edge-bench run", arguments(combination))
    except click.UsageError as error:
        raise ConfigError(f"{combination.title}: {error.format_message()}") from error
