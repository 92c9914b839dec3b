"""Records: what one benchmark run found out, typed, as a JSON file."""
