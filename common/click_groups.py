"""Click groups whose usual command need not be named."""

from collections.abc import Mapping
from typing import Any

import click


class CommandWithOthers(click.Command):
    """`program OTHER ...` is another command, everything else this one.

    Unlike a group, it needs no name for itself: its help and its usage stay those of a
    plain command. A file that is called like another command is given as `./NAME`.
    """

    def __init__(self, *args: Any, others: Mapping[str, click.Command], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.others = others

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        other = self.others.get(args[0]) if args else None
        if other is None:
            return super().make_context(info_name, args, parent, **extra)
        return other.make_context(f"{info_name} {args[0]}", args[1:], parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        return super().invoke(ctx) if ctx.command is self else ctx.command.invoke(ctx)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Other commands"):
            formatter.write_dl(
                [(name, other.get_short_help_str(60)) for name, other in self.others.items()]
            )
        super().format_epilog(ctx, formatter)


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
