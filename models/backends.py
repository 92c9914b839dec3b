"""What Keras leaves to the backend that it runs on: TensorFlow, or PyTorch by KERAS_BACKEND=torch."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module, util
from typing import Any, Protocol

from edge_common import ConfigError, nearest_or_all

TENSORFLOW, TORCH = "tensorflow", "torch"  # the first is the default, here and of Keras


def chosen() -> str:
    """The backend that Keras runs on, or will, once it is imported.

    Raises:
        ConfigError: KERAS_BACKEND names another one, or one that is not installed while the other is.
        ModuleNotFoundError: neither is installed.
    """
    keras = sys.modules.get("keras")
    name = keras.backend.backend() if keras else os.environ.get("KERAS_BACKEND") or TENSORFLOW
    if name not in (TENSORFLOW, TORCH):
        raise ConfigError(f"KERAS_BACKEND is {name!r}{nearest_or_all(name, (TENSORFLOW, TORCH))}")
    if missing({name: name}):
        other = TORCH if name == TENSORFLOW else TENSORFLOW
        if missing({other: other}):
            raise ModuleNotFoundError(f"there is no {name}", name=name)
        raise ConfigError(f"{name} is not installed: install it, or set KERAS_BACKEND={other}")
    return name


def check_tensorflow(what: str) -> None:
    """Raise ConfigError unless Keras runs on TensorFlow, which `what` needs."""
    if (name := chosen()) != TENSORFLOW:
        raise ConfigError(f"{what} needs TensorFlow: run it without KERAS_BACKEND={name}")


def missing(packages: dict[str, str]) -> list[str]:
    """Which packages, by the names of their modules, are not installed."""
    return [package for module, package in packages.items() if util.find_spec(module) is None]


# of losses, by variables; weights: what each loss counts; last: what it needs may be forgotten then,
# which on PyTorch is the memory of a whole step
Gradient = Callable[..., list[Any]]


class Backend(Protocol):
    """What a training and its report need besides Keras."""

    def seed_step(self, seed: int, epoch: int, batch: int) -> None:
        """Let the step's dropout follow from these alone, if Keras' variables do not say it."""

    def traced(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function as a graph, if the backend has graphs; of Keras' variables and tensors."""

    def recording(self) -> Any:
        """A context whose value is a `Gradient` of what is computed inside of it."""

    def apply(self, optimizer: Any, gradients: Sequence[Any], variables: Sequence[Any]) -> None:
        """Let a Keras optimizer take a step."""

    def gradient_of(self, function: Callable[[Any], Any], values: Any) -> Any:
        """Of a number that depends on an array, by each of its values: float32, its shape."""

    def blend(self, averages: Sequence[Any], weights: Sequence[Any], momentum: Any) -> None:
        """Set each average to momentum * average + (1 - momentum) * weight."""


def own() -> Backend:
    """The one that Keras runs on."""
    return OnTorch() if chosen() == TORCH else OnTensorFlow()


class OnTensorFlow:
    """See `Backend`."""

    def __init__(self) -> None:
        self._tf = import_module(TENSORFLOW)

    def seed_step(self, seed: int, epoch: int, batch: int) -> None:
        """Its dropout draws by variables, which a checkpoint holds."""

    def traced(self, function: Callable[..., Any]) -> Callable[..., Any]:
        traced: Callable[..., Any] = self._tf.function(function)
        return traced

    @contextmanager
    def recording(self) -> Iterator[Gradient]:
        with self._tf.GradientTape(persistent=True) as tape:
            yield lambda losses, variables, weights=None, last=False: tape.gradient(
                list(losses), variables, weights and list(map(self._float, weights))
            )

    def apply(self, optimizer: Any, gradients: Sequence[Any], variables: Sequence[Any]) -> None:
        optimizer.apply(gradients, variables)

    def gradient_of(self, function: Callable[[Any], Any], values: Any) -> Any:
        inputs = self._float(values)
        with self._tf.GradientTape() as tape:
            tape.watch(inputs)
            number = function(inputs)
        return tape.gradient(number, inputs).numpy()

    def blend(self, averages: Sequence[Any], weights: Sequence[Any], momentum: Any) -> None:
        for average, weight in zip(averages, weights, strict=True):
            average.assign(momentum * average + (1 - momentum) * weight)

    def _float(self, values: Any) -> Any:
        return self._tf.convert_to_tensor(values, self._tf.float32)


class OnTorch:
    """See `Backend`; each operation runs as it comes, and is recorded always."""

    def __init__(self) -> None:
        self._torch, self._ops = import_module(TORCH), import_module("keras.ops")

    def seed_step(self, seed: int, epoch: int, batch: int) -> None:
        self._torch.manual_seed(((seed << 20) + epoch << 24) + batch & 2**63 - 1)

    def traced(self, function: Callable[..., Any]) -> Callable[..., Any]:
        return function

    @contextmanager
    def recording(self) -> Iterator[Gradient]:
        yield self._gradient

    def _gradient(
        self, losses: Any, variables: Any, weights: Any = None, last: bool = False
    ) -> list[Any]:
        return list(
            self._torch.autograd.grad(
                list(losses), [variable.value for variable in variables],
                weights and list(map(self._float, weights)), retain_graph=not last, allow_unused=True,
            )
        )  # fmt: skip

    def apply(self, optimizer: Any, gradients: Sequence[Any], variables: Sequence[Any]) -> None:
        with self._torch.no_grad():
            optimizer.apply(gradients, variables)

    def gradient_of(self, function: Callable[[Any], Any], values: Any) -> Any:
        inputs = self._float(values).requires_grad_()
        return self._torch.autograd.grad(function(inputs), inputs)[0].cpu().numpy()

    def blend(self, averages: Sequence[Any], weights: Sequence[Any], momentum: Any) -> None:
        values, latest = ([variable.value for variable in each] for each in (averages, weights))
        with self._torch.no_grad():  # few kernels for all variables
            self._torch._foreach_mul_(values, momentum)
            self._torch._foreach_add_(values, self._torch._foreach_mul(latest, 1 - momentum))

    def _float(self, values: Any) -> Any:
        return self._ops.convert_to_tensor(values, "float32")
