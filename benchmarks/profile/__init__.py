"""The time of each operator of a part."""

from benchmarks.profile.figures import KindTime, OperatorTime, PartProfile
from benchmarks.profile.part import profile_part
from benchmarks.profile.recorder import RecordingPlan
from benchmarks.profile.table import profile_table

__all__ = [
    "KindTime",
    "OperatorTime",
    "PartProfile",
    "RecordingPlan",
    "profile_part",
    "profile_table",
]
