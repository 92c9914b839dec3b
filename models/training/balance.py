"""What each task's loss counts in a step: fixed weights, or weights found while training."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import keras
from keras import ops

from edge_models import backends
from edge_models.training.teacher import Answers, divergence

SHARED = "spatial_conv2"  # the last layer with a kernel that all heads see
_MOMENTUM = 0.98  # of the averages of losses and gradients
_LEAST = 1e-6


class PullAverages:
    """Of each task's pull; of the optimizer's moment, not of the network: a resumed run averages anew."""

    def __init__(self, tasks: Iterable[str]) -> None:
        self.averages = {task: keras.Variable(0.0, trainable=False) for task in tasks}
        self.momentum = keras.Variable(0.0, trainable=False)

    def update(self, pulls: Mapping[str, Any]) -> None:
        """Take those of a step in; of the first step they are the averages."""
        for task, pull in pulls.items():
            average = self.averages[task]
            average.assign(self.momentum * average + (1 - self.momentum) * ops.stop_gradient(pull))
        self.momentum.assign(_MOMENTUM)


class BalancedModel(keras.Model):
    """A functional model whose tasks' losses are weighed anew in each step.

    "uncertainty": each loss by the inverse of its average, which is what the learnt weights of
    A. Kendall, Y. Gal, R. Cipolla, "Multi-Task Learning Using Uncertainty to Weigh Losses", CVPR
    2018, come to where they suit the losses of the moment. "gradient": so that the losses pull
    equally at a layer that they share, as Z. Chen et al., "GradNorm", ICML 2018, with asymmetry
    0 and no small steps. Both times the weights given to `compile` count besides.

    Losses of validation are summed by the given weights alone, so that epochs can be compared.
    """

    def compile(
        self, *arguments: Any, balance: str = "fixed",
        teacher: Callable[[Any], Answers] | None = None, teacher_weight: float = 0.0,
        **options: Any,
    ) -> None:  # fmt: skip
        """Of `keras.Model`, and with one of `BALANCE_METHODS`.

        teacher: of the same clips; how far the answers are from its own makes the share
        `teacher_weight` of each task's loss while training.
        """
        super().compile(*arguments, **options)
        self.method, self.teacher, self.teacher_weight = balance, teacher, teacher_weight
        self.task_losses = {task: keras.losses.get(x) for task, x in options["loss"].items()}
        self.given: Mapping[str, float] = options["loss_weights"]
        self.pulls = PullAverages(self.task_losses)
        self.own_backend = backends.own()

    def train_step(self, data: Any) -> dict[str, Any]:
        """One step on a batch (x, {task: labels}); the metrics, and each task's weight."""
        if self.method == "fixed" and self.teacher is None:
            return super().train_step(data)
        x, labels = data
        targets = self.teacher(x) if self.teacher else {}
        with self.own_backend.recording() as gradient:
            outputs = self(x, training=True)
            losses = self._errors(labels, outputs, targets)
        weights = self._weights(self._pulls(gradient, losses))
        variables = self.trainable_variables
        gradients = gradient(
            losses.values(), variables, [weights[task] for task in losses], last=True
        )
        self.own_backend.apply(self.optimizer, gradients, variables)
        self.compute_loss(x, labels, outputs)  # keeps the mean of each task's loss
        total = sum(weights[task] * loss for task, loss in losses.items())
        self._loss_tracker.update_state(total, sample_weight=ops.shape(x)[0])
        metrics = self.compute_metrics(x, labels, outputs)
        return {**metrics, **{f"{task}_weight": weight for task, weight in weights.items()}}

    def _errors(self, labels: Answers, outputs: Answers, targets: Answers) -> dict[str, Any]:
        losses = {t: ops.mean(f(labels[t], outputs[t])) for t, f in self.task_losses.items()}
        if not targets:
            return losses
        share = self.teacher_weight
        return {
            task: (1 - share) * loss + share * ops.mean(divergence(targets[task], outputs[task]))
            for task, loss in losses.items()
        }

    def _pulls(self, gradient: backends.Gradient, losses: Mapping[str, Any]) -> Mapping[str, Any]:
        """How strongly each loss pulls: at the shared layer, or by its own size."""
        if self.method != "gradient":
            return losses
        shared = [v for v in self.trainable_variables if SHARED in v.path and "kernel" in v.path]
        return {t: _norm(gradient([x], shared)) for t, x in losses.items()}

    def _weights(self, pulls: Mapping[str, Any]) -> dict[str, Any]:
        """Each task's weight; of the found ones the mean is 1."""
        if self.method == "fixed":
            return dict(self.given)
        self.pulls.update(pulls)
        inverse = {task: 1 / (self.pulls.averages[task] + _LEAST) for task in pulls}
        scale = len(inverse) / sum(inverse.values())
        return {task: self.given[task] * scale * value for task, value in inverse.items()}


def _norm(gradients: Iterable[Any]) -> Any:
    """Of all their numbers together."""
    return ops.sqrt(sum(ops.sum(ops.square(gradient)) for gradient in gradients))
