"""What people call the steps of a network: by the paths of the graph's tensors, or by Keras layers."""

import re
from collections.abc import Mapping

from edge_convert.cut.tflite import main_graph
from edge_convert.cut.tflite.follow import FramePath
from edge_convert.cut.tflite.moves import FRAME_ITSELF, Value

LayerNames = Mapping[str, tuple[str, ...]]  # of a scope in the graph, the layers that it is in
_LONGEST_NAME = 40
_COUNTER = re.compile(r"_\d+$")


class StepNames:
    """The names of the steps that single frames pass.

    layers: of Keras, in the order in which they are called, outermost first; none if only the
    graph is known. A layer that is no step of its own goes by the step before it.
    """

    def __init__(self, path: FramePath, layers: LayerNames | None = None) -> None:
        self._path, self._layers = path, layers or {}
        self._own = [self._names_of(self._tensor_path(step)) for step in range(len(path.steps))]
        self._all: list[set[str]] = [set() for _ in path.steps]
        self._last: dict[str, int] = {}
        for tensor, frames in path.contents.items():
            if frames.value != FRAME_ITSELF:
                for part in main_graph.name_of(path.graph.tensors[tensor]).split(";"):
                    self._all[frames.value.step].update(self._names_of(part))
        for step, names in enumerate(self._all):
            self._last.update(dict.fromkeys(names, step))
        self._name_the_silent()

    def _name_the_silent(self) -> None:
        """Give layers without an operator to the step of the layer before them."""
        last = None
        for scope, layers in self._layers.items():
            for name in reversed(layers):
                if name in self._last:
                    last = self._last[name]
                elif last is not None and scope == layers[-1]:
                    self._all[last].add(name)

    def label(self, step: int) -> str:
        """The outermost layer that ends with a step, else the innermost that it is of."""
        names = self._own[step]
        ends = [name for name in names if self._last.get(name) == step]
        if self._layers and names:
            return ends[0] if ends else names[-1]
        return self._short(
            self._tensor_path(step), self._path.kind_at(self._path.steps[step].position)
        )

    def of(self, path: str) -> str:
        """The outermost layer that a tensor of this path is of, or the end of the path."""
        names = self._names_of(path) if self._layers else []
        return names[0] if names else self._short(path, path)

    def all(self, step: int) -> frozenset[str]:
        """All that a step may be called, if it is the last that is called so."""
        return frozenset(n for n in self._all[step] if self._last.get(n, step) == step)

    def feature(self, value: Value) -> str:
        """A short name for what the head reads."""
        if value == FRAME_ITSELF:
            name = main_graph.name_of(self._path.graph.tensors[self._path.source])
        else:
            name = self.label(value.step)
        return re.sub(r"[^0-9A-Za-z_]+", "_", name)[:_LONGEST_NAME].strip("_")

    def _tensor_path(self, step: int) -> str:
        """Of the operator that does it; of several that were fused, the last."""
        tensor = self._path.tensor_of(Value(step))
        return main_graph.name_of(self._path.graph.tensors[tensor]).split(";")[0]

    def _names_of(self, path: str) -> list[str]:
        """Outermost first."""
        scopes = [self._scope(word) for word in path.split("/") if word]
        if not self._layers:
            return scopes
        return [name for scope in scopes for name in self._layers.get(scope, ())]

    def _scope(self, word: str) -> str:
        """Without the number that TensorFlow counts calls of the same name with."""
        bare = _COUNTER.sub("", word)
        return bare if bare in self._layers else word

    def _short(self, path: str, kind: str) -> str:
        """The end of a path, or the operator's kind if it has none; below a Keras model, its operation."""
        words = (path if "/" in path else kind.lower()).split("/")[-1 if self._layers else -2 :]
        cleaned = [re.sub(r"[^0-9A-Za-z_]+", "_", word).strip("_") for word in words]
        return "_".join(word for word in cleaned if word)[:_LONGEST_NAME].rstrip("_")
