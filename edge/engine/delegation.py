"""Who computes the operators of a part: a delegate's library, XNNPACK, the built-in kernels."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from edge.engine.delegate import XNNPACK as XNNPACK_ASKED, Delegate
from edge_common import DelegateError, console

XNNPACK, BUILT_IN = "XNNPACK", "built-in kernels"
_NODE = "DELEGATE"  # how the runtimes call the node that stands for what a delegate took
# as an interpreter describes it: its index, its operator, tensors in and out
Node = Mapping[str, Any]
_NAMED = 3  # kinds of operators that a line names


@dataclass(frozen=True)
class Delegation:
    """asked: the delegate that the user asked for.

    operators: who computes -> operator -> how many of it.
    pieces: into how many nodes each delegate's operators were gathered; data passes
    between it and the others at each.
    fallback: why the delegate asked for is not used; empty if it is.
    failed_at: the invocation at which it failed, and was used until then; 0: it did not.
    """

    asked: str
    operators: dict[str, dict[str, int]]
    pieces: dict[str, int] = field(default_factory=dict)
    fallback: str = ""
    failed_at: int = 0

    @property
    def total(self) -> int:
        return sum(map(self.taken, self.operators))

    def taken(self, owner: str) -> int:
        """How many operators `who` computes."""
        return sum(self.operators.get(owner, {}).values())

    def __str__(self) -> str:
        """`emulated 33 of 61 in 26 pieces (33 CONV_2D), XNNPACK 28 in 27 pieces`."""
        return ", ".join(self._counts()) or "no operators"

    def _counts(self) -> Iterator[str]:
        for number, (owner, kinds) in enumerate(self.operators.items()):
            text = f"{owner} {self.taken(owner)}" + ("" if number else f" of {self.total}")
            if self.pieces.get(owner, 1) > 1:
                text += f" in {self.pieces[owner]} pieces"
            yield text if owner == XNNPACK else f"{text} ({_named(kinds)})"


def by_part(delegation: Mapping[str, Delegation]) -> Iterator[str]:
    """Who computes what, a line a part, and why not the delegate that was asked for."""
    width = max(map(len, delegation), default=0)
    for role, part_delegation in delegation.items():
        yield f"operators of {role.ljust(width)}  {part_delegation}"
    for reason in dict.fromkeys(each.fallback for each in delegation.values() if each.fallback):
        yield f"warning: {reason}; it was left out"


def _named(kinds: Mapping[str, int]) -> str:
    ordered = sorted(kinds.items(), key=lambda kind: (-kind[1], kind[0]))
    names = [f"{count} {name}" for name, count in ordered[:_NAMED]]
    return ", ".join(names + ["..."] * (len(ordered) > _NAMED))


def nodes_of(interpreter: Any) -> list[Node]:
    """All nodes of the main graph. No runtime has a public way to ask.

    As its `_get_ops_details`, without the names of tensors: they need not be text.
    """
    inner = interpreter._interpreter
    return [
        {
            "index": index,
            "op_name": inner.NodeName(index),
            "inputs": inner.NodeInputs(index),
            "outputs": inner.NodeOutputs(index),
        }
        for index in range(inner.NumNodes())
    ]


def delegate_nodes(nodes: Sequence[Node]) -> int:
    """How many nodes stand for what delegates took."""
    return sum(node["op_name"] == _NODE for node in nodes)


def operator_assignment(
    nodes: Sequence[Node], library_nodes: int = 0, library: str = ""
) -> tuple[dict[str, dict[str, int]], dict[str, int]]:
    """Operators and pieces, as a Delegation holds them.

    nodes: of the whole graph, as a runtime's interpreter tells them, the delegates' own
    behind all others and in the order in which they were made; the first `library_nodes`
    of these are of `library`, the rest XNNPACK's. An operator is taken if a delegate's
    node needs it: the walk goes from the node's outputs back to its inputs.
    """
    delegates = [node for node in nodes if node["op_name"] == _NODE]
    original = nodes[: delegates[0]["index"]] if delegates else nodes
    producers = {int(t): node for node in original for t in node["outputs"]}
    makers = [library] * library_nodes + [XNNPACK] * (len(delegates) - library_nodes)
    owner_by_index = {
        index: maker for maker, node in zip(makers, delegates) for index in _behind(node, producers)
    }
    operators: dict[str, Counter[str]] = {owner: Counter() for owner in dict.fromkeys(makers)}
    for node in original:
        owner = owner_by_index.get(node["index"], BUILT_IN)
        operators.setdefault(owner, Counter())[node["op_name"]] += 1
    return {owner: dict(kinds) for owner, kinds in operators.items()}, dict(Counter(makers))


def _behind(delegate: Node, producers: Mapping[int, Node]) -> set[int]:
    """The operators between a delegate node's outputs and its inputs."""
    inputs = set(map(int, delegate["inputs"]))
    indices: set[int] = set()
    waiting = [int(t) for t in delegate["outputs"]]
    while waiting:
        tensor = waiting.pop()
        node = producers.get(tensor)
        if node is not None and tensor not in inputs and node["index"] not in indices:
            indices.add(node["index"])
            waiting.extend(int(t) for t in node["inputs"])
    return indices


def check_delegate_is_used(delegate: Delegate, delegations: Sequence[Delegation]) -> str:
    """Announce if it takes no operator of any part; raise DelegateError if it is strict.

    Gives what was announced; empty if it computes something, or was announced already that
    parts run without it.
    """
    owner = XNNPACK if delegate.name == XNNPACK_ASKED else delegate.short
    if any(each.taken(owner) or each.fallback for each in delegations):
        return ""
    message = f"the delegate {delegate.label} takes no operator of this network"
    if delegate.strict:
        raise DelegateError(f"{message}: convert it for the delegate, or leave out --delegate")
    console.warn_once(f"{message}; going on without it")
    return message
