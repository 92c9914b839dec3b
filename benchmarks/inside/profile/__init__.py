"""The time of each operator of a part."""
