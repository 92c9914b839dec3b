"""The bundle, `NAME.edge`: what it holds, and how it is read and written."""

PRECISIONS = ("int8", "int16x8", "dynamic_range", "float16", "float32")  # of a part
