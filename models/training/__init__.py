"""Training: from a training file and a data set to a network, resumable."""
