"""Options of the form `NAME=1,0.5`: numbers that an input of a network takes."""

import click

NamedNumbers = tuple[str, tuple[float, ...]]
_LARGEST = 3.4028234e38  # that float32 holds


class NamedNumbersParam(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.2 on
    """`NAME=1,0.5`: a name, and numbers that are finite in float32."""

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
        if not name or not numbers or not all(abs(n) <= _LARGEST for n in numbers):
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
