"""A TFLite delegate in C that stands in for an accelerator, and what builds it."""
