"""Training from the pixels of any data set: the thesis' recipes, and frozen-then-fine-tune."""
