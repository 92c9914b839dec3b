"""People followed from frame to frame: boxes of a detector in, tracks with numbers out."""

from edge.tracks.tracker import Track, Tracker, TrackOptions

__all__ = ["Track", "TrackOptions", "Tracker"]
