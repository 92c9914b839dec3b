"""Which board this is, and what its system shows of itself."""
