"""The shipped bundle `face`: how it is made of a pretrained network, and what was measured of it."""
