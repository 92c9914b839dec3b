"""Records and facts held against each other: compare, gate, history, score."""
