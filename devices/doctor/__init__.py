"""What is wrong with a machine, and what to do: small checks over one folder tree."""

from devices.doctor.finding import Finding, Status
from devices.doctor.patient import Patient
from devices.doctor.registry import CHECKS, examine

__all__ = ["CHECKS", "Finding", "Patient", "Status", "examine"]
