"""What a training run leaves to look at: figures with their intervals, pictures, one page."""
