"""Data sets, in numpy and OpenCV only, so that a board can read them too."""
