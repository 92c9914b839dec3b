"""Memory that was freed, given back to the system, where the C library can be told so (glibc)."""

import contextlib
import ctypes

_M_MMAP_THRESHOLD = -3  # of mallopt, in glibc's malloc.h
_WEIGHTS_BYTES = 1 << 20


def keep_no_weights() -> None:
    """Let the C library keep nothing of blocks of a megabyte that were freed.

    It would keep those of up to 32 MB, most weights of large networks, of which there are many copies.
    """
    _tell("mallopt", _M_MMAP_THRESHOLD, _WEIGHTS_BYTES)


def give_back() -> None:
    """Of smaller blocks, too: of a large network they come to 0.4 GB, which children can use."""
    _tell("malloc_trim", 0)


def _tell(function: str, *values: int) -> None:
    with contextlib.suppress(AttributeError, OSError, TypeError):  # another library, or none
        getattr(ctypes.CDLL(None), function)(*values)
