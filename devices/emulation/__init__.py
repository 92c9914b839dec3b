"""ARM without a board: an aarch64 Python with the real ARM wheels, run by qemu's user mode."""
