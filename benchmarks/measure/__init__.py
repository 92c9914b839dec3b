"""Timing: frames, fresh processes, and what measuring itself costs."""
