"""What the user expects of a delegate: that it computes something."""

from collections.abc import Sequence

from edge.announce import announce
from edge.delegates.choice import XNNPACK as XNNPACK_ASKED
from edge.delegates.choice import Delegate
from edge.delegates.delegation import XNNPACK, Delegation
from edge.errors import DelegateError


def check_taken(delegate: Delegate, found: Sequence[Delegation]) -> str:
    """Announce where it takes no operator of any part; raise DelegateError where it is strict.

    Gives what was announced; empty where it computes something, or was announced already that
    parts run without it.
    """
    who = XNNPACK if delegate.name == XNNPACK_ASKED else delegate.short
    if any(each.taken(who) or each.fallback for each in found):
        return ""
    message = f"the delegate {delegate.label} takes no operator of this network"
    if delegate.strict:
        raise DelegateError(f"{message}: convert it for the delegate, or leave out --delegate")
    announce(f"{message}; going on without it")
    return message
