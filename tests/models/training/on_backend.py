"""The same steps and answers on the backend that Keras runs on: `python -m ... FOLDER`.

Of `start.keras` and `batch.npz` in FOLDER, losses of steps go into BACKEND.npz; else of `trained.keras`
and `clips.npy` answers.
"""

import sys
from pathlib import Path

import keras
import numpy as np

from edge_models import backends
from edge_models.networks import views
from edge_models.sections import BALANCE_METHODS
from edge_models.training.averaging import AveragedWeights
from edge_models.training.balance import BalancedModel

STEPS = 4
LOSSES = {"who": "sparse_categorical_crossentropy", "age": "mse"}


def losses_of(folder: Path, method: str) -> np.ndarray:
    """Loss, each task's loss and weight of a few steps on one batch, (STEPS, n)."""
    model = views.by_frames(keras.saving.load_model(folder / "start.keras", compile=False))
    balanced = BalancedModel(model.input, model.output)
    balanced.compile(
        # of a small epsilon Adam takes the sign of gradients that are nothing but rounding
        keras.optimizers.Adam(1e-3, epsilon=0.1, weight_decay=0.01), jit_compile=False, loss=LOSSES,
        loss_weights={"who": 1.0, "age": 2.0}, balance=method,
    )  # fmt: skip
    averages = AveragedWeights(balanced, 0.5)
    with np.load(folder / "batch.npz") as arrays:
        clips, labels = arrays["clips"], {task: arrays[task] for task in LOSSES}
    history = balanced.fit(
        clips, labels, epochs=STEPS, batch_size=len(clips), verbose=0, callbacks=[averages],
        validation_data=(clips, labels),
    ).history  # fmt: skip
    return np.stack([history[name] for name in sorted(history)], axis=1)


def answers_of(folder: Path) -> dict[str, np.ndarray]:
    """What the trained network answers to the clips, by task."""
    model = keras.saving.load_model(folder / "trained.keras", compile=False)
    answers: dict[str, np.ndarray] = model.predict_on_batch(np.load(folder / "clips.npy"))
    return answers


def forgets_a_step() -> bool:
    """Whether nothing of a step is kept once its last gradients were taken: on PyTorch."""
    variable = keras.Variable(2.0)
    with backends.own().recording() as gradient:
        loss = variable * variable
    gradients = [gradient([loss], [variable], last=last)[0] for last in (False, True)]
    assert [float(each) for each in gradients] == [4.0, 4.0]
    try:
        gradient([loss], [variable])
    except RuntimeError:
        return True
    return False


def main(folder: Path) -> dict[str, np.ndarray]:
    if (folder / "start.keras").exists():
        arrays = {method: losses_of(folder, method) for method in BALANCE_METHODS}
        arrays["forgets_a_step"] = np.array(forgets_a_step())
    else:
        arrays = answers_of(folder)
    np.savez(folder / f"{keras.backend.backend()}.npz", **arrays)
    return arrays


if __name__ == "__main__":
    main(Path(sys.argv[1]))
