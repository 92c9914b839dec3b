"""The time of each operator of a part."""

from edge_benchmarks.inside.profile.figures import KindTime, OperatorTime, PartProfile
from edge_benchmarks.inside.profile.recorder import RecordingPlan
from edge_benchmarks.inside.profile.recording import profile_part
from edge_benchmarks.show.profile_table import profile_table

__all__ = [
    "KindTime",
    "OperatorTime",
    "PartProfile",
    "RecordingPlan",
    "profile_part",
    "profile_table",
]
