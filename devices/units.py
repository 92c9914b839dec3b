"""Sizes in words."""


def megabytes(size: float) -> str:
    """Bytes as people say them: `512 MB`, `4.0 GB`."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"
