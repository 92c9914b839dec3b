"""The bundle `activity`, not shipped yet: joints of real weights, what they do learnt from drawn bodies."""
