"""TFLite runtimes and delegates: from a model's bytes to results."""
