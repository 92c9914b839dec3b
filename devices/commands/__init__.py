"""The commands of `edge-devices`, one a file."""
