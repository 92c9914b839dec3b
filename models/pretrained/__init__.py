"""Networks that others trained, as Keras models: real weights to try the converter on."""
