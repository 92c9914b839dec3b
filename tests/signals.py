"""Signals for child processes of tests."""

import signal


def heed_interrupts() -> None:
    """As `preexec_fn`: a shell's background job, which pytest may be, ignores Ctrl-C; nohup's, SIGHUP."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
