"""The thesis' table of networks on UTKFace, with what it lacks: measured size and latency."""
