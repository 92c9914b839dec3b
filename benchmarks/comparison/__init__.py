"""Two records side by side: what changed, and what cannot be compared."""
