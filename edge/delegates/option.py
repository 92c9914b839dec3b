"""`--delegate` and `--strict-delegate`, the same in every command."""

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import click

from edge.delegates.choice import DEFAULT, OF_THE_RUNTIME, Delegate
from edge.delegates.known import LIBRARIES
from edge.errors import DelegateError

F = TypeVar("F", bound=Callable[..., Any])


class DelegateParam(click.ParamType):
    """A delegate by name or path, with options behind a colon."""

    name = "delegate"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Delegate:
        if isinstance(value, Delegate):
            return value
        try:
            return Delegate.parse(str(value))
        except DelegateError as error:
            self.fail(str(error), param, ctx)


_named = click.option(
    "--delegate",
    type=DelegateParam(),
    default=DEFAULT,
    show_default=True,
    metavar="NAME|PATH[:KEY=VALUE,...]",
    help=f"Who computes: {', '.join((*OF_THE_RUNTIME, *LIBRARIES))}, or a delegate's library.",
)
_strict = click.option(
    "--strict-delegate",
    is_flag=True,
    help="Fail where the delegate cannot be used, instead of running without it.",
)


def delegate_options(command: F) -> F:
    """Add both; the command gets one `delegate`, which knows whether it is strict."""

    @functools.wraps(command)
    def wrapped(*args: Any, delegate: Delegate, strict_delegate: bool, **kwargs: Any) -> Any:
        return command(*args, delegate=replace(delegate, strict=strict_delegate), **kwargs)

    return _named(_strict(wrapped))  # type: ignore[return-value]
