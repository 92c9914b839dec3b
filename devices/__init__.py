"""The machine that a bundle runs on: what it is and what it tells about itself."""
