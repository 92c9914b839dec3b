"""The commands of `edge-bench`, one a file."""
