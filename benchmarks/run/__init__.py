"""One benchmark run, from what was asked for to its record."""
