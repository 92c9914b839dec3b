"""Instructions of one inference: the same each time, other kernels on other boards."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from edge.bundle import Bundle, open_bundle, write_bundle
from edge.shipped import BENCHMARK_BUNDLE
from edge_benchmarks.cli import main
from edge_common.errors import RunFailed
from edge_devices.emulation.cache import Say
from edge_devices.emulation.counting import InstructionCounter, counter
from edge_devices.profiles.catalogue import profile_named
from tests.arm.heavier import with_an_addition
from tests.arm.installed import or_skip
from tests.wheels import ROOT

BASELINE = ROOT / "benchmarks" / "baseline" / "faces-in-motion.facts.json"
FOR_ONE_PER_CENT = 200_000  # elements: adding to them is 1.2 to 3.2 % of the encoder


Ready = Callable[[str], InstructionCounter]


@pytest.fixture
def ready(say: Say) -> Ready:
    return lambda name: or_skip(lambda: counter(profile_named(name), say))


@pytest.fixture(scope="module")
def shipped() -> Bundle:
    return open_bundle(BENCHMARK_BUNDLE)


@pytest.mark.parametrize("part", ["encoder.tflite", "head.tflite"])
def test_two_counts_are_equal_to_the_instruction(ready: Ready, shipped: Bundle, part: str) -> None:
    pi = ready("pi-4")
    first = pi.count(shipped.members[part])
    assert first == pi.count(shipped.members[part])
    assert sum(first.classes.values()) == first.instructions
    assert "other" not in first.classes


def test_the_cache_folder_makes_no_difference(
    ready: Ready, shipped: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its path does not reach the guest: counts of two machines can be compared."""
    pi = ready("pi-4")
    expected = pi.count(shipped.members["head.tflite"])
    longer = tmp_path / "a-much-longer-name-than-that-of-the-usual-cache-folder"
    (longer / "edge-run").mkdir(parents=True)
    arm = longer / "edge-run" / "arm"
    arm.mkdir()
    for folder in pi.board.files.parent.iterdir():
        if not folder.name.startswith("board-"):  # those hold the cache's path
            os.symlink(folder, arm / folder.name)
    monkeypatch.setenv("XDG_CACHE_HOME", str(longer))
    assert ready("pi-4").count(shipped.members["head.tflite"]) == expected


def test_each_core_gets_kernels_of_its_own(ready: Ready, shipped: Bundle) -> None:
    encoder = shipped.members["encoder.tflite"]
    a53, a72, a76 = (ready(name).count(encoder) for name in ("pi-3b-plus", "pi-4", "pi-5"))
    assert a53.instructions > a72.instructions > 2 * a76.instructions
    assert a76.classes["dot_product"] > 5_000_000
    assert "dot_product" not in a53.classes | a72.classes
    assert a72.classes["pairwise_accumulate"] > 5_000_000 > a53.classes["widening_multiply"] / 10
    assert "pairwise_accumulate" not in a53.classes


def test_what_is_no_model_is_one_line(ready: Ready) -> None:
    with pytest.raises(RunFailed, match="does not run on an emulated Raspberry Pi 4 Model B: Va"):
        ready("pi-4").count(b"no model")


def facts(bundle: Path | str, path: Path) -> Path:
    done = CliRunner().invoke(main, ["facts", str(bundle), "--count", "pi-4,pi-5", "-o", str(path)])
    if "instructions cannot be counted here" in done.stderr:
        pytest.skip(done.stderr)
    assert done.exit_code == 0, done.output
    return path


def gate(new: Path, baseline: Path, *arguments: str) -> tuple[int, dict[str, str]]:
    command = ["gate", str(new), "--baseline", str(baseline), "--json", *arguments]
    done = CliRunner().invoke(main, command)
    checks = json.loads(done.stdout)["checks"]
    return done.exit_code, {check["figure"]: check["outcome"] for check in checks}


def test_the_shipped_network_costs_what_its_baseline_says(tmp_path: Path) -> None:
    exit_code, outcomes = gate(facts(BENCHMARK_BUNDLE, tmp_path / "new.facts.json"), BASELINE)
    assert exit_code == 0
    assert outcomes["encoder instructions, pi-4"] == "pass"
    assert outcomes["head instructions, pi-5"] == "pass"
    assert outcomes["instructions, pi-3b-plus"] == "inconclusive"  # was not counted anew


def test_one_per_cent_more_is_caught(shipped: Bundle, tmp_path: Path) -> None:
    """Of a network that decides the same and is no larger: nothing else tells."""
    encoder = with_an_addition(shipped.members["encoder.tflite"], FOR_ONE_PER_CENT)
    members = {**shipped.members, "encoder.tflite": encoder}
    heavier = tmp_path / "heavier.edge"
    write_bundle(heavier, shipped.manifest, members)
    new = facts(heavier, tmp_path / "new.facts.json")
    exit_code, outcomes = gate(new, BASELINE)
    assert exit_code == 1
    failed = {figure for figure, outcome in outcomes.items() if outcome == "fail"}
    assert failed == {"encoder instructions, pi-4", "encoder instructions, pi-5"}
    assert gate(new, BASELINE, "--max-more-instructions", "4%")[0] == 0
