"""`python -m examples.gradcam_picture MODEL.keras -o PICTURE.png`: what a network looks at.

A portrait that may be passed on (scikit-image's astronaut, NASA) under a virtual camera,
with Grad-CAM++ of both tasks laid over it.
"""

from pathlib import Path

import click
import numpy as np

from edge_common import command_line, console, figures, write_whole
from edge_models.datasets import motion, orl_motion
from examples.astronaut import film_all_actions

QUESTIONS = {"reid": "Who is it?", "action": "How does it move?"}
_SHOWN_SIDE = 360  # pixels of a frame in the picture, more than the network sees
_WIDTH, _FRAME, _LEFT = 11.4, 1.55, 2.06  # inches
_DPI = 120

EPILOG = """\b
Example:
  python -m examples.gradcam_picture out/mtdnn_lite.keras -o docs/gradcam.png
"""


@click.command(epilog=EPILOG)
@click.argument("model", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--action", type=click.Choice(motion.ACTIONS), default="left", show_default=True,
              help="How the face moves.")  # fmt: skip
@command_line.one_line_errors
def main(model: Path, output: Path, action: str) -> None:
    """Draw what speaks for the answers of MODEL, a network of orl_motion_lite.toml."""
    with console.captured_stderr():
        from edge_models.datasets import named
        from edge_models.evaluation import gradcam, network
        from edge_models.networks.trained import load_trained
        from edge_models.training import config, from_features

    expected = from_features.network_config(config.read_config(named.training_file()))
    trained = network.open_network(load_trained(model, expected), expected.tasks)
    size, window, number = expected.size, expected.window, motion.ACTIONS.index(action)
    frames = film_all_actions(window, size)[number]
    sharper_frames = film_all_actions(window, _SHOWN_SIDE)[number]  # the same motion, sharper
    outputs, _ = trained.whole.predict_on_batch(frames[None].astype(np.float32))
    rows = {}
    for task, labels in orl_motion.TASK_LABELS.items():
        answer = int(outputs[task][0].argmax())
        text = f"{labels[answer]} ({outputs[task][0, answer]:.2f})"
        words = f"most like {text}" if task == "reid" else text
        rows[f"{QUESTIONS[task]}\n{words}"] = gradcam.heat_of_clip(trained, frames, task, answer)
        click.echo(f"{task}: {text}")
    write_whole(output, draw(sharper_frames, rows))
    click.echo(f"wrote {output}")


def draw(clip: np.ndarray, rows: dict[str, np.ndarray]) -> bytes:
    """A PNG: a row for each heat map, a column for each of a few frames.

    Args:
        clip: uint8 RGB (T, H, W, 3).
        rows: of a question and its answer in two lines, heat (T, h, w), 0 to 1.
    """
    from edge_models.evaluation import gradcam

    height = _FRAME * len(rows) + 0.42

    def draw_rows(figure: figures.Figure) -> None:
        def axes_at(*box: float) -> figures.Axes:
            axes = figure.add_axes(tuple(np.divide(box, (_WIDTH, height) * 2)))
            axes.axis("off")
            return axes

        for row, (words, heat) in enumerate(rows.items()):
            bottom = 0.1 + _FRAME * (len(rows) - 1 - row)
            _write(axes_at(0.1, bottom, _LEFT, _FRAME), *words.split("\n"))
            for column, frame in enumerate(gradcam.frames_shown(len(clip))):
                axes = axes_at(_LEFT + column * _FRAME, bottom, _FRAME - 0.05, _FRAME - 0.05)
                axes.imshow(gradcam.laid_over(clip[frame], heat[frame]), interpolation="lanczos")
                if row == 0:
                    axes.set_title(f"frame {frame + 1}", fontsize=10, color="#666666", pad=4)
        grey, ramp = np.full((8, 256, 3), 190, np.uint8), np.tile(np.linspace(0, 1, 256), (8, 1))
        bar = axes_at(0.1, height - 0.22, 0.9, 0.1)
        bar.imshow(gradcam.laid_over(grey, ramp), aspect="auto")
        bar.text(270, 4, "hot", fontsize=8.5, va="center", color="#666666")

    return figures.png_figure(draw_rows, _WIDTH, height, _DPI, layout=None)


def _write(axes: figures.Axes, question: str, answer: str) -> None:
    axes.text(0, 0.55, question, fontsize=12.5, va="bottom", color="#222222")
    axes.text(0, 0.50, answer, fontsize=11.5, va="top", color="#0b6e99", weight="bold")


if __name__ == "__main__":
    main()
