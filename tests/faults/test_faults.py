"""The short ones of `make faults`: what is promised holds."""

import os
from pathlib import Path

import pytest

from tests.faults import all_faults
from tests.faults.fault import Fault

FAULTS = all_faults()


@pytest.mark.parametrize(
    "fault", [each for each in FAULTS if each.short], ids=lambda each: each.name
)
def test_the_appliance_keeps_its_promise(fault: Fault, tmp_path: Path) -> None:
    if absent := fault.missing(os.geteuid() == 0):
        pytest.skip(f"needs {absent}")
    fault.run(tmp_path)  # raises PromiseBroken


def test_each_fault_has_a_name_of_its_own() -> None:
    names = [fault.name for fault in FAULTS]
    assert len(set(names)) == len(names) >= 25
