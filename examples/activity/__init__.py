"""The shipped bundle `activity`: joints of real weights, what they do learnt from drawn bodies."""
