"""What a bundle is and does that needs no clock: the same on every day."""
