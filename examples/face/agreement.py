"""`python -m examples.face.agreement BUNDLE --float MODEL.keras`: what int8 changes of `face`.

On moving faces of photos that were not calibrated on, a window each. Nobody labelled
age or gender of them: there float is the measure. Who it is, is known.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import numpy as np

from edge.bundle import Bundle, open_bundle
from edge.check.evaluate import stream_outputs
from edge_common import command_line, console, document, statistics, write_whole
from edge_models.datasets import orl, orl_motion
from edge_models.evaluation.similarity import unit
from examples.face import face, identify
from examples.face.galleries import face_plans, part_of, seal

BATCH = 4  # windows at a time; of 16 frames they take 40 MB
TITLE = "What int8 changes"

EPILOG = """\b
Example:
  python -m examples.face.agreement out/face/face.edge --float out/face/face.keras -o out/face/agreement
"""


@dataclass(frozen=True)
class Changed:
    """One figure of one task with its 95 % interval, over n windows."""

    task: str
    what: str
    value: float
    low: float
    high: float
    n: int


def both(
    bundle: Bundle, path: Path, plans: list[orl_motion.ClipPlan]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Outputs (n, k) of the float network and of the streamed bundle over the plans' windows."""
    with console.captured_stderr():
        import keras

    model = keras.models.load_model(path, compile=False)
    floating: list[dict[str, np.ndarray]] = []
    streamed: list[dict[str, np.ndarray]] = []
    with console.bar(len(plans), "windows") as on_window:
        for windows in _batches(plans, bundle.manifest.window):
            floating.append(model.predict_on_batch(windows.astype(np.float32)))
            streamed.append(stream_outputs(bundle, list(windows), on_window=on_window))
    return _joined(floating), _joined(streamed)


def _batches(plans: list[orl_motion.ClipPlan], window: int) -> Iterator[np.ndarray]:
    for start in range(0, len(plans), BATCH):
        yield face.face_clips(plans[start : start + BATCH], window, seed=start)


def _joined(batches: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {task: np.concatenate([batch[task] for batch in batches]) for task in batches[0]}


def changes(floating: dict[str, np.ndarray], streamed: dict[str, np.ndarray]) -> list[Changed]:
    """Streamed against float: age in years, gender as decided, the descriptors' angle."""
    n = len(floating["age"])
    years = face.OLDEST * (streamed["age"] - floating["age"])[:, 0]
    agreeing = int(((streamed["gender"] >= 0.5) == (floating["gender"] >= 0.5)).sum())
    cosine = (unit(floating[identify.DESCRIPTOR]) * unit(streamed[identify.DESCRIPTOR])).sum(1)
    interval = statistics.bootstrap_interval
    return [
        Changed("age", "mean difference, years", float(years.mean()), *interval(years), n),
        Changed("age", "mean absolute difference, years", float(np.abs(years).mean()),
                *interval(np.abs(years)), n),
        Changed("gender", "share decided alike", agreeing / n,
                *statistics.wilson_interval(agreeing, n), n),
        Changed(identify.DESCRIPTOR, "mean cosine", float(cosine.mean()), *interval(cosine), n),
    ]  # fmt: skip


def known_again(
    graph: str, gallery: np.ndarray, owners: np.ndarray, descriptors: np.ndarray, people: np.ndarray
) -> Changed:
    """Rank-1 of moving faces `asked` (n, d) among the still photos `gallery` (m, d)."""
    right = int((owners[(unit(descriptors) @ unit(gallery).T).argmax(1)] == people).sum())
    n = len(descriptors)
    return Changed(
        identify.DESCRIPTOR,
        f"rank-1 among 200 photos, {graph}",
        right / n,
        *statistics.wilson_interval(right, n),
        n,
    )


def section(changes: list[Changed], count: int, photos: int) -> document.Section:
    """For a person to read."""
    rows = [(c.task, c.what, f"{c.value:.4f}", f"{c.low:.4f} to {c.high:.4f}", str(c.n))
            for c in changes]  # fmt: skip
    text = (
        f"{count} windows of moving faces, half of them in tinted light, made of {photos} ORL "
        "photos that were not calibrated on; windows of one photo are alike, so the true "
        "uncertainty is wider than the 95 % intervals. Age and gender have no labels there: "
        "the bundle is held against the float network.",
    )
    return document.Section(
        TITLE, text, (document.Table(("task", "what", "value", "95 %", "n"), rows, 2),)
    )


@click.command(epilog=EPILOG)
@click.argument("bundle", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--float", "model", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              required=True, metavar="MODEL.keras", help="The network in float.")  # fmt: skip
@click.option("--count", type=click.IntRange(8, 1600), default=1000, show_default=True,
              help="Windows to compare.")  # fmt: skip
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="NAME",
              help="Write NAME.json and NAME.md.")  # fmt: skip
@click.option("--seal", "sealing", is_flag=True, help="Put the figures into BUNDLE's report.")
@command_line.one_line_errors
def main(bundle: Path, model: Path, count: int, output: Path | None, sealing: bool) -> None:
    """Age, gender and descriptor of BUNDLE against those of the float network."""
    opened, photos = open_bundle(bundle), orl.read_photos()
    probes, gallery_photos = part_of(photos, "probes"), part_of(photos, "gallery")
    plans = face_plans(probes, count, seed=1)
    people, owners = (np.array([p.person for p in some])
                      for some in ([plan.photo for plan in plans], gallery_photos))  # fmt: skip
    floating, streamed = both(opened, model, plans)
    galleries = {"float": identify.describe_with_keras(model, gallery_photos),
                 "streamed": identify.describe_with_bundle(bundle, gallery_photos)}  # fmt: skip
    descriptors = {
        "float": floating[identify.DESCRIPTOR],
        "streamed": streamed[identify.DESCRIPTOR],
    }
    figures = changes(floating, streamed)
    figures += [known_again(g, galleries[g], owners, descriptors[g], people) for g in galleries]
    report_section = section(figures, len(plans), len({plan.photo.key for plan in plans}))
    if output:
        content = (json.dumps([asdict(c) for c in figures], indent=1) + "\n").encode()
        write_whole(output.with_suffix(".json"), content)
        write_whole(
            output.with_suffix(".md"),
            document.markdown(opened.manifest.name, [report_section]).encode(),
        )
    if sealing:
        seal(opened, report_section)
    click.echo(document.markdown(opened.manifest.name, [report_section]))


if __name__ == "__main__":
    main()
