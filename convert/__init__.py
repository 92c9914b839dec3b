"""A trained network in, a bundle out: split, calibrate, quantise, verify, report."""
