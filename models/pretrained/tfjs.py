"""Read a TensorFlow.js graph model: `NAME.json` with the graph, and its shards of weights.

The format is that of tensorflowjs_converter: a GraphDef as JSON, byte strings in
base64, and a manifest of the constants, some of them stored as float16 or as
affine uint8 / uint16.
"""

import base64
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import numpy as np

from edge_common import ModelError, decode, parse_json

_DTYPES = {
    "float32": "<f4", "float16": "<f2", "int32": "<i4", "bool": "?", "uint8": "u1", "uint16": "<u2",
}  # fmt: skip


@dataclass(frozen=True)
class Node:
    """One operation: its inputs by name, and its attributes as they stand in the file."""

    name: str
    operation: str
    inputs: tuple[str, ...]
    attributes: Mapping[str, Any]

    def integers(self, name: str, default: tuple[int, ...] = ()) -> tuple[int, ...]:
        """A list of numbers."""
        listed = self.attributes.get(name, {}).get("list", {}).get("i")
        return default if listed is None else tuple(int(value) for value in listed)

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of strings."""
        listed = self.attributes.get(name, {}).get("list", {}).get("s", [])
        return tuple(_text(value) for value in listed)

    def text(self, name: str, default: str) -> str:
        """One string."""
        encoded = self.attributes.get(name, {}).get("s")
        return default if encoded is None else _text(encoded)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of what an input takes."""
        entries = self.attributes.get("shape", {}).get("shape", {}).get("dim", [])
        return tuple(int(entry.get("size", -1)) for entry in entries)

    def flag(self, name: str) -> bool:
        """A switch; off if it is not given."""
        return bool(self.attributes.get(name, {}).get("b", False))


@dataclass(frozen=True)
class TfjsGraph:
    """The nodes by name, and the arrays of the constants among them."""

    path: Path
    nodes: Mapping[str, Node]
    constants: Mapping[str, np.ndarray]

    def needed(self, outputs: Iterable[str], inputs: Collection[str]) -> list[Node]:
        """What computes the nodes `outputs` once those `inputs` are known, inputs first.

        Raises:
            ModelError: a node is missing, or the graph runs in a circle.
        """
        ways: dict[str, tuple[str, ...]] = {}
        pending = list(outputs)
        while pending:
            name = pending.pop()
            if name in ways or name in inputs:
                continue
            if name not in self.nodes:
                raise ModelError(f"{self.path} holds no node {name}: it is another network")
            ways[name] = self.nodes[name].inputs
            pending.extend(ways[name])
        try:
            order = list(TopologicalSorter(ways).static_order())
        except CycleError as error:
            raise ModelError(f"{self.path} is damaged: its graph runs in a circle") from error
        return [self.nodes[name] for name in order if name not in inputs]

    @property
    def placeholder(self) -> Node:
        """The only input. Raises ModelError if there are several."""
        inputs = [node for node in self.nodes.values() if node.operation == "Placeholder"]
        if len(inputs) != 1:
            raise ModelError(f"{self.path} takes {len(inputs)} inputs: one picture is known")
        return inputs[0]

    def at_size(self, height: int, width: int) -> "TfjsGraph":
        """The same for pictures of another size: all that resizes, ends in its share of it.

        Raises ModelError if a size does not come out whole.
        """
        own = np.array(self.placeholder.shape[1:3])
        resizes = [node for node in self.nodes.values() if node.operation == "ResizeBilinear"]
        sizes = {node.inputs[1]: self.constants[node.inputs[1]] for node in resizes}
        scaled = {name: size * (height, width) / own for name, size in sizes.items()}
        if any((size % 1).any() for size in scaled.values()):
            raise ModelError(
                f"{self.path.stem} cannot look at {width} x {height}: its maps would not fit each "
                "other; take multiples of 32"
            )
        return replace(self, constants={**self.constants, **scaled})


def read_graph(path: Path) -> TfjsGraph:
    """Read the graph and all its constants, as float32, int32 or bool.

    Raises:
        ModelError: a file is missing or damaged, or of another form.
    """
    try:
        content = parse_json(path.read_bytes(), path.name)
        nodes = [_node(entry) for entry in content["modelTopology"]["node"]]
        constants: dict[str, np.ndarray] = {}
        for group in content["weightsManifest"]:
            shards = [(path.parent / name).read_bytes() for name in group["paths"]]
            constants.update(_constants(group["weights"], b"".join(shards)))
    except FileNotFoundError as error:
        raise ModelError(f"there is no {error.filename}: fetch the package again") from error
    # of shapes as long as no array, too
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ModelError(
            f"{path} is no readable tfjs graph model ({type(error).__name__}: {error}): "
            "fetch the package again"
        ) from error
    return TfjsGraph(path, {node.name: node for node in nodes}, constants)


def _node(entry: dict[str, Any]) -> Node:
    # `name:0` is the first output of a node, `^name` an order without data
    inputs = (name.split(":")[0] for name in entry.get("input", []) if not name.startswith("^"))
    attributes = decode(dict[str, dict[str, Any]], entry.get("attr", {}))
    return Node(decode(str, entry["name"]), decode(str, entry["op"]), tuple(inputs), attributes)


def _constants(entries: list[dict[str, Any]], buffer: bytes) -> dict[str, np.ndarray]:
    constants, offset = {}, 0
    for entry in entries:
        stored = entry.get("quantization", entry)
        dtype = np.dtype(_DTYPES[stored["dtype"]])
        count = int(np.prod(entry["shape"]))
        values = np.frombuffer(buffer, dtype, count, offset)
        offset += values.nbytes
        if "scale" in stored:
            values = values * stored["scale"] + stored["min"]
        final_dtype = np.dtype(_DTYPES[entry["dtype"]]).newbyteorder("=")
        constants[entry["name"]] = values.astype(final_dtype).reshape(entry["shape"])
    if offset != len(buffer):
        raise ValueError(f"its shards hold {len(buffer)} bytes, its manifest asks for {offset}")
    return constants


def _text(encoded: str) -> str:
    return base64.b64decode(encoded).decode("utf-8")
