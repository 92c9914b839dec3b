"""`python -m edge_models.networks.build NAME OUT.keras`: a network of the family, not yet trained."""

from pathlib import Path

import click

from edge_common.command_line import one_line_errors
from edge_common.native_output import captured_stderr

NAMES = ("mtdnn_swim", "mtdnn_face", "mtdnn_lite")

EPILOG = """\b
Example:
  python -m edge_models.networks.build mtdnn_swim out/mtdnn_swim.keras
"""


@click.command(epilog=EPILOG)
@click.argument("name", type=click.Choice(NAMES))
@click.argument("output", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--seed", type=int, default=0, show_default=True, help="Of the random weights.")
@one_line_errors
def main(name: str, output: Path, seed: int) -> None:
    """Build a network with random weights (mtdnn_lite: ImageNet backbone) and save it.

    Its answers mean nothing; its time, memory and size are those of the trained one.
    """
    if output.suffix != ".keras":
        raise click.UsageError(f"{output} must end in .keras")
    with captured_stderr():
        import keras

        from edge_models.networks import mtdnn
        from edge_models.training.run import save_model

    keras.utils.set_random_seed(seed)
    model = mtdnn.build_mtdnn(getattr(mtdnn, name)())
    output.parent.mkdir(parents=True, exist_ok=True)
    save_model(model, output)
    click.echo(f"wrote {output}: {model.count_params():,} parameters")


if __name__ == "__main__":
    main()
