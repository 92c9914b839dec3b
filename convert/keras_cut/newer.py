"""What older releases of Keras lack: Python 3.10 gets 3.12 at most."""

from typing import Any


def those_of(module: Any, *names: str) -> tuple[type, ...]:
    """The classes of these names that the module has."""
    return tuple(getattr(module, name) for name in names if hasattr(module, name))
