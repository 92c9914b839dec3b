"""Where a Keras network can be cut, and its parts as Keras models."""
