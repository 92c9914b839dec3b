"""What is wrong with a machine, and what to do: small checks over one folder tree."""

from edge_devices.doctor.host import Finding, Host, Status
from edge_devices.doctor.registry import CHECKS, examine

__all__ = ["CHECKS", "Finding", "Host", "Status", "examine"]
