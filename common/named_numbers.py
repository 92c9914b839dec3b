"""Options of the form `NAME=1,0.5`: numbers that an input of a network takes."""

import math

import click

NamedNumbers = tuple[str, tuple[float, ...]]


class NamedNumbersParam(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.2 on
    """`NAME=1,0.5`: a name, and finite numbers."""

    name = "numbers"

    def convert(
        self, value: object, param: click.Parameter | None, context: click.Context | None
    ) -> NamedNumbers:
        if isinstance(value, tuple):
            return value
        name, _, text = str(value).rpartition("=")
        try:
            numbers = tuple(map(float, text.split(",")))
        except ValueError:
            numbers = ()
        if not name or not numbers or not all(map(math.isfinite, numbers)):
            self.fail(f"'{value}' is no NAME=NUMBER,NUMBER,... of an input", param, context)
        return name, numbers


input_option = click.option(
    "--input",
    "inputs",
    type=NamedNumbersParam(),
    multiple=True,
    metavar="NAME=NUMBER,...",
    help="What the network takes beside frames, if it does.",
)
