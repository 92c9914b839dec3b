"""Loops of TensorFlow whose number of steps is known, written out."""
