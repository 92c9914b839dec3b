"""Many boards at once: which of them get a bundle, in which waves, and how they are afterwards."""
