"""What the appliance suffers on boards, done to the running one with real parts: `python -m tests.faults`."""

from tests.faults.fault import Fault


def all_faults() -> list[Fault]:
    """Group by group, in the order of the table."""
    from tests.faults import of_cameras, of_disks, of_outputs, of_pages, of_processes

    groups = (of_cameras, of_outputs, of_disks, of_processes, of_pages)
    return [fault for each in groups for fault in each.FAULTS.faults]
