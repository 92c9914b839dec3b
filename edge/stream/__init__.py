"""The one idea at work: one encoder pass a frame, one head pass over a ring of features."""
