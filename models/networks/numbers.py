"""How a number is learnt: as itself, or as a distribution whose mean is the answer.

On the board a number is one output, whatever it was learnt by: behind a distribution stands a
layer of fixed weights that takes its mean. Training looks at what comes before that layer.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import keras
import numpy as np
from keras import layers, ops

from edge.tasks import Task, kind_of
from edge_common import ConfigError, nearest_or_all
from edge_models.sections import TargetSection

_LEAST = 1e-7  # of a probability, so that its logarithm is a number


class NumberMethod(ABC):
    """How the numbers of one task are learnt, all in shares of the task's scale.

    Attributes:
        values: float32 (bins,), what the distribution is over: 0 to 1.
    """

    name: ClassVar[str]

    def __init__(self, task: Task, section: TargetSection) -> None:
        self.task, self.section = task, section
        self.values = np.linspace(0, 1, section.bins, dtype=np.float32)

    def answer(self, features: Any) -> Any:
        """(N, C) -> (N, 1); the layer bears the task's name."""
        fixed = keras.initializers.Constant(self.weights)
        mean = layers.Dense(
            1, use_bias=False, trainable=False, kernel_initializer=fixed, name=self.task.name
        )
        return mean(self.learnt(features))

    @property
    @abstractmethod
    def weights(self) -> np.ndarray:
        """float32 (k, 1): what is learnt times these is the answer."""

    @abstractmethod
    def learnt(self, features: Any) -> Any:
        """(N, C) -> (N, k), what training looks at; the layer is called `learnt_name`."""

    @abstractmethod
    def loss(self, labels: Any, learnt: Any) -> Any:
        """Of labels (N,) and what is learnt (N, k): (N,)."""

    def error(self, labels: Any, learnt: Any) -> Any:
        """The absolute error of the answer: (N,)."""
        return ops.abs(ops.matmul(learnt, self.weights)[:, 0] - ops.reshape(labels, (-1,)))


class LabelDistribution(NumberMethod):
    """A softmax is fitted to a normal distribution around the label, and its mean to the label.

    B.-B. Gao et al., "Age Estimation Using Expectation of Label Distribution Learning"
    (DLDL-v2), IJCAI 2018.
    """

    name = "label-distribution"
    mean_weight = 0.1  # of an error of one value, beside the divergence

    @property
    def weights(self) -> np.ndarray:
        return self.values[:, None]

    def learnt(self, features: Any) -> Any:
        softmax = layers.Dense(len(self.values), "softmax", name=learnt_name(self.task.name))
        return softmax(features)

    def loss(self, labels: Any, learnt: Any) -> Any:
        target = self.distribution(labels)
        divergence = ops.sum(target * (log(target) - log(learnt)), -1)
        return divergence + self.mean_weight * self.error(labels, learnt) * (len(self.values) - 1)

    def distribution(self, labels: Any) -> Any:
        """(N,) -> (N, bins): normal around each label, cut off at both ends."""
        deviation = self.section.spread / self.task.scale
        distance = ops.subtract(ops.reshape(labels, (-1, 1)), self.values) / deviation
        return ops.softmax(-0.5 * ops.square(distance), -1)


class MeanVariance(LabelDistribution):
    """A softmax by cross-entropy, whose mean is to be right and whose variance small.

    H. Pan et al., "Mean-Variance Loss for Deep Age Estimation from a Face", CVPR 2018, whose
    two weights these are.
    """

    name = "mean-variance"
    miss_weight, variance_weight = 0.2, 0.05

    def loss(self, labels: Any, learnt: Any) -> Any:
        numbers = np.arange(len(self.values), dtype=np.float32)
        position = ops.reshape(labels, (-1,)) * numbers[-1]
        mean = ops.sum(ops.multiply(learnt, numbers), -1)
        variance = ops.sum(learnt * ops.square(ops.subtract(numbers, mean[:, None])), -1)
        nearest = ops.one_hot(ops.cast(ops.round(position), "int32"), len(numbers))
        entropy = -ops.sum(nearest * log(learnt), -1)
        miss = 0.5 * ops.square(mean - position)
        return entropy + self.miss_weight * miss + self.variance_weight * variance


class Ordinal(NumberMethod):
    """Of each value but the first: is it at least that? The answer is how many times yes.

    All questions share their weights and differ in a bias only, so that they do not contradict
    each other: W. Cao, V. Mirjalili, S. Raschka, "Rank consistent ordinal regression for neural
    networks with application to age estimation" (CORAL), Pattern Recognition Letters 140, 2020.
    """

    name = "ordinal"

    @property
    def weights(self) -> np.ndarray:
        return np.diff(self.values)[:, None]

    def learnt(self, features: Any) -> Any:
        questions = layers.Dense(
            len(self.values) - 1, "sigmoid", name=learnt_name(self.task.name),
            # in order from the first, as the biases of such questions end
            bias_initializer=keras.initializers.Constant(np.linspace(3, -3, len(self.values) - 1)),
        )  # fmt: skip
        answers = questions(features)
        # on the variable and not the layer, whose saved configuration so stays plain
        questions.kernel.constraint = _equal_columns
        questions.kernel.assign(_equal_columns(questions.kernel))
        return answers

    def loss(self, labels: Any, learnt: Any) -> Any:
        reached = ops.greater_equal(ops.reshape(labels, (-1, 1)), self.values[1:])
        reached = ops.cast(reached, learnt.dtype)
        return -ops.mean(reached * log(learnt) + (1 - reached) * log(1 - learnt), -1)


def _equal_columns(kernel: Any) -> Any:
    return ops.broadcast_to(ops.mean(kernel, 1, keepdims=True), kernel.shape)


def log(share: Any) -> Any:
    """Of a share, finite also of 0."""
    return ops.log(ops.maximum(share, _LEAST))


METHODS: dict[str, type[NumberMethod]] = {
    method.name: method for method in (LabelDistribution, MeanVariance, Ordinal)
}
DIRECT = ("mse", "mae")  # Keras' names: the number itself


def method_of(task: Task, targets: Mapping[str, TargetSection]) -> NumberMethod | None:
    """By what else than itself a task's number is learnt; None: nothing.

    Raises:
        ConfigError: there is no such method, or the task is no number.
    """
    section = targets.get(task.name, TargetSection())
    if task.name in targets and kind_of(task).loss != TargetSection().method:
        raise ConfigError(f"targets.{task.name}: it is {task.kind}, and targets are for numbers")
    if section.method in DIRECT:
        return None
    if section.method not in METHODS:
        near = nearest_or_all(section.method, (*DIRECT, *METHODS))
        raise ConfigError(f"targets.{task.name}.method is {section.method!r}{near}")
    return METHODS[section.method](task, section)


@dataclass(frozen=True)
class Learning:
    """What Keras measures a task by while it trains: names, or functions of labels and outputs."""

    loss: str | Callable[[Any, Any], Any]
    metric: str | keras.Metric


def learning_of(
    task: Task, targets: Mapping[str, TargetSection], smoothing: float = 0.0
) -> Learning:
    """Loss and metric of a task. Raises ConfigError as `method_of` does.

    smoothing: share of a class's label that is given to all classes alike.
    """
    kind = kind_of(task)
    if method := method_of(task, targets):
        error = keras.metrics.MeanMetricWrapper(method.error, name=kind.training_metric)
        return Learning(method.loss, error)
    loss: str | Callable[[Any, Any], Any] = kind.loss
    if task.name in targets:
        loss = targets[task.name].method
    elif smoothing and kind.has_classes and kind.width > 1:
        loss = _smoothed(smoothing)
    return Learning(loss, kind.training_metric)


def _smoothed(smoothing: float) -> Callable[[Any, Any], Any]:
    """Cross-entropy to smoothed labels (C. Szegedy et al., "Rethinking Inception", CVPR 2016)."""

    def loss(labels: Any, shares: Any) -> Any:
        target = ops.one_hot(ops.cast(ops.reshape(labels, (-1,)), "int32"), shares.shape[-1])
        target = target * (1 - smoothing) + smoothing / shares.shape[-1]
        return -ops.sum(target * log(shares), -1)

    return loss


def learnt_name(task: str) -> str:
    """The layer of what is learnt for a number, if that is not the number."""
    return f"{task}_learnt"


def learnt_outputs(model: keras.Model) -> dict[str, Any]:
    """What training looks at, by task: the answer, or what the answer is the mean of."""
    names = {layer.name for layer in model.layers}
    return {
        task: model.get_layer(learnt_name(task)).output if learnt_name(task) in names else answer
        for task, answer in model.output.items()
    }
