"""One run from its file to all that it leaves behind, also where it does not end well."""

from pathlib import Path

import click
import keras

from edge_common.errors import ModelError
from edge_models.datasets.dataset import DataSet, Part, write_skipped
from edge_models.evaluation.history import Course
from edge_models.evaluation.report import PAGE, report, report_folder, tell
from edge_models.networks.tasks import write_tasks
from edge_models.training.few_frames import maps_of
from edge_models.training.from_pixels import Run
from edge_models.training.logs import LossLost
from edge_models.training.pixels_config import EndToEndConfig
from edge_models.training.run import save_model, weights_source

SKIPPED_NAME = "skipped.csv"


def train_and_save(
    config: EndToEndConfig,
    data: DataSet,
    output: Path,
    *,
    resume: bool,
    events: bool = False,
    maps: Path | None = None,
    backbone: Path | None = None,
) -> keras.Model:
    """Train, measure on the test clips, and write the model, its tasks and its report; the model.

    Interrupted, or with a loss that is lost, it leaves the model of the best epoch.

    Args:
        maps, backbone: see `Run`.

    Raises:
        ModelError: the loss is no number any more, or `backbone` does not fit.
        KeyboardInterrupt: after all that there was to save was saved.
    """
    folder = training_folder(output)
    folder.mkdir(parents=True, exist_ok=True)
    write_skipped(folder / SKIPPED_NAME, data.skipped)
    if data.skipped:
        click.echo(f"all that was skipped: {folder / SKIPPED_NAME}")
    run = Run(config, data, folder, events=events, maps=maps, backbone=backbone)
    if resume and not run.resume():
        click.echo(f"nothing to go on from in {folder}: starting anew")
    try:
        run.train()
    except KeyboardInterrupt:
        kept = _keep_best(run, output)
        click.echo(f"{kept}; go on with --resume")
        raise
    except LossLost as error:
        kept = _keep_best(run, output)
        raise ModelError(
            f"{error}: {kept}; try a lower learning_rate, and look for labels that are wrong"
        ) from error
    _save(run, output)
    _report(run, output)
    run.clear()
    return run.model


def training_folder(model: Path) -> Path:
    """Where logs and checkpoints of the training of MODEL.keras lie."""
    return model.with_name(f"{model.stem}_training")


def _keep_best(run: Run, output: Path) -> str:
    """Save the best epoch's network if there is one, and say so."""
    if not run.keep_best():
        return "no epoch was finished, nothing is kept"
    _save(run, output)
    stage, epoch = run.progress.best
    return f"{output} is the network of epoch {epoch + 1} of stage {stage}, not yet measured"


def _save(run: Run, output: Path) -> None:
    config, data = run.config, run.data
    save_model(run.model, output)
    write_tasks(
        output.with_suffix(".tasks.json"), data.tasks, frame_rate_hz=data.frame_rate_hz,
        licence=config.licence,
        weights_source=weights_source(config.network, data.source, config.seed),
    )  # fmt: skip


def _report(run: Run, output: Path) -> None:
    folder, progress = report_folder(output), run.progress
    course = Course(_named(run), progress.best_epoch, progress.seconds)
    results = report(run.model, run.data, run.config, course, folder, _test_maps(run))
    tell(results, f"{output}, its tasks and {folder}/{PAGE}")


def _test_maps(run: Run) -> Part | None:
    """Maps of the test clips, where other runs want them, too."""
    if not run.shares_maps:
        return None
    backbone = run.model.get_layer("backbone").layer
    return maps_of(backbone, run.data, run.data.test, run.maps / "test.npy", "test")


def _named(run: Run) -> dict[str, dict[str, list[float]]]:
    """The curves, each with its task in its name; Keras leaves that out where there is one."""
    if len(run.data.tasks) > 1:
        return run.progress.history
    task = run.data.tasks[0].name
    bare = {f"{part}{name}" for part in ("", "val_") for name in ("accuracy", "mae")}

    def named(curve: str) -> str:
        part, name = ("val_", curve[4:]) if curve.startswith("val_") else ("", curve)
        return f"{part}{task}_{name}"

    return {
        stage: {named(name) if name in bare else name: curve for name, curve in curves.items()}
        for stage, curves in run.progress.history.items()
    }
