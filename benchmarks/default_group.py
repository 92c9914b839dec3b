"""A click group with a command that need not be named."""

import click

_OWN_OPTIONS = frozenset({"--help", "--version"})


class DefaultCommandGroup(click.Group):
    """`program X` means `program DEFAULT X`, unless X is one of the commands."""

    def __init__(self, *args: object, default: str, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self._default = default

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in _OWN_OPTIONS:
            args = [self._default, *args]
        return super().parse_args(ctx, args)
