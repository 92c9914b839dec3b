"""A bundle over many recordings: in chunks, on many cores, with the answers of one run."""
