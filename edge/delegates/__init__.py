"""Delegates: what a user may ask for, the libraries, and who computes what in the end."""

from edge.delegates.choice import AUTO, Delegate
from edge.delegates.delegation import Delegation

__all__ = ["AUTO", "Delegate", "Delegation"]
