"""Whether a bundle does what it should where it runs: golden frames, labelled clips."""
