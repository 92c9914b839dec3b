"""Signals for child processes of tests."""

import signal


def heed_interrupts() -> None:
    """As `preexec_fn`: a shell's background job, which pytest may be, ignores Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
