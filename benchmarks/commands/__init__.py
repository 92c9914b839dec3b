"""The commands of `edge-bench`."""
