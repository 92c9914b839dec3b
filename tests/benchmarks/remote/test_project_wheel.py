import subprocess
import sys
import zipfile
from importlib import metadata
from io import BytesIO

import pytest

from edge_benchmarks.remote import outgoing
from edge_benchmarks.remote.board import RemoteError
from edge_benchmarks.remote.outgoing import project_wheel, supports


def test_the_same_files_give_the_same_bytes() -> None:
    assert project_wheel().sha256 == project_wheel().sha256


def test_it_holds_all_packages_and_their_data() -> None:
    names = set(zipfile.ZipFile(BytesIO(project_wheel().content)).namelist())
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {
        "edge", "edge_benchmarks", "edge_common", "edge_convert", "edge_devices", "edge_fleet",
        "edge_models",
    }  # fmt: skip
    assert {
        "edge/bundles/faces-in-motion.edge",
        "edge_models/configs/orl_motion_lite.toml",
        "edge_benchmarks/remote/agent/job.py",
        "edge/py.typed",
        "edge_common/py.typed",
    } <= names
    assert not [name for name in names if name.endswith(".pyc")]


def test_pip_installs_it_and_finds_its_files_as_listed(tmp_path) -> None:
    wheel = project_wheel()
    (tmp_path / wheel.name).write_bytes(wheel.content)
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--no-compile"]
    subprocess.run(
        [*command, "-q", "--target", tmp_path / "site", tmp_path / wheel.name], check=True
    )
    (found,) = metadata.distributions(path=[str(tmp_path / "site")])
    assert found.version == metadata.version("edge-run")
    assert found.requires == metadata.requires("edge-run")
    assert "edge-bench" in found.entry_points.names
    listed = [file for file in found.files if file.hash and not file.parts[0].startswith("..")]
    assert len(listed) > 100 and all(file.locate().exists() for file in listed)


def test_a_wheel_packs_itself_again(tmp_path) -> None:
    """What was installed from a wheel sends the same wheel as the source tree does."""
    wheel = project_wheel()
    zipfile.ZipFile(BytesIO(wheel.content)).extractall(tmp_path)
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "import edge; assert edge.__file__.startswith(sys.path[0]), edge.__file__\n"
        "from edge_benchmarks.remote.outgoing import project_wheel; print(project_wheel().sha256)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == wheel.sha256


@pytest.mark.parametrize(
    ("version", "expected"),
    [((3, 9), False), ((3, 10), True), ((3, 13), True), ((3, 14), False), ((4, 0), False)],
)
def test_the_pythons_that_it_runs_on(version: tuple[int, int], expected: bool) -> None:
    assert supports(version) is expected


def test_a_project_that_is_not_installed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outgoing, "PROJECT", "no-such-project")
    with pytest.raises(RemoteError, match="is not installed here, so that it cannot be sent"):
        project_wheel()
