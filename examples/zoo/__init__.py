"""Sixty networks over frames as people publish them, each brought to a bundle by `edge-convert`."""
