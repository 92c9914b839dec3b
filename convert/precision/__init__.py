"""The search for precision: quantise, try, time, score."""
