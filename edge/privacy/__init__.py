"""What a run must not say or show of people unless it is told to."""
