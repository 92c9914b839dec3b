"""The shipped detectors `person` and `face-finder`: how they are made, and what was measured of them."""
