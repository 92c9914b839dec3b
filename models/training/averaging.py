"""Weights averaged over the steps of a training, which are better than those of the last one."""

from collections.abc import Iterator
from contextlib import contextmanager

import keras
import numpy as np

from edge_models import backends


class AveragedWeights(keras.callbacks.Callback):
    """An exponential average of what is trained, which is in the model while it is validated.

    B. Polyak, A. Juditsky, "Acceleration of Stochastic Approximation by Averaging", 1992. The
    first steps count less than `momentum` asks for: they are far from where the others are.

    Attributes:
        variables: the averages and the number of steps, for a run that goes on later.
    """

    def __init__(self, model: keras.Model, momentum: float) -> None:
        super().__init__()
        self.momentum = momentum
        self.weights = list(model.trainable_variables)
        self.averages = [keras.Variable(w.numpy(), trainable=False) for w in self.weights]
        self.steps = keras.Variable(0.0, trainable=False)
        self.variables = [*self.averages, self.steps]
        self._backend = backends.own()
        self._step = self._backend.traced(self._average)

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Take the step's weights into the average."""
        self._step()

    def on_test_begin(self, logs: dict[str, float] | None = None) -> None:
        """What is validated is the average."""
        self._swap()

    def on_test_end(self, logs: dict[str, float] | None = None) -> None:
        """Train on from where the last step led."""
        self._swap()

    @contextmanager
    def in_model(self) -> Iterator[None]:
        """The average is in the model."""
        self._swap()
        yield
        self._swap()

    def _average(self) -> None:
        momentum = keras.ops.minimum(self.momentum, (1 + self.steps) / (10 + self.steps))
        self._backend.blend(self.averages, self.weights, momentum)
        self.steps.assign_add(1)

    def _swap(self) -> None:
        for average, weight in zip(self.averages, self.weights, strict=True):
            value = np.array(weight.numpy())  # PyTorch's shares its memory with the weight
            weight.assign(average)
            average.assign(value)
