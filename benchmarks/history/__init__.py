"""Records of one folder over time."""
