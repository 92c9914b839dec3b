"""What one inference asks of a core, whatever its clock."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Work:
    """One invocation of a network, or of a part of one, on one kind of core.

    instructions: that one thread executes.  weight_bytes: that matrix kernels read from the
    second-level cache, once for each tile of rows.  tensor_bytes: of all that the operators read
    and write, once each.  operators: after which threads wait for each other.
    counted: instructions were executed and counted under an emulator; else they are estimated
    from the operators.
    """

    instructions: float
    weight_bytes: float
    tensor_bytes: float
    operators: float
    counted: bool = False
