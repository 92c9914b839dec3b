"""The harness: what a bundle costs and how right it is, measured so that it can be compared."""
