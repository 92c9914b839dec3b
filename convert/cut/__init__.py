"""The cut: an encoder of single frames, and a head over T of its results."""
