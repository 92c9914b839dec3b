"""What is not installed is said in one line, with the command that installs it."""

import shutil
from pathlib import Path

import pytest

from edge_common.errors import BuildFailed, Unavailable
from edge_devices.emulation.apt import unpack
from edge_devices.emulation.arm_python import arm_python
from edge_devices.emulation.counting import compiler, counter, counting_plugin
from edge_devices.emulation.guest import Qemu, emulated_board, find_qemu
from edge_devices.profiles.catalogue import profile_named
from tests.devices.emulation.conftest import Tool

REFUSES_PLUGINS = "echo \"qemu: unknown option 'plugin'\" >&2; exit 1"
LOADS_PLUGINS = 'echo "Could not load plugin $2: no such file" >&2; exit 1'


def say(step: str) -> None:
    pass


def test_no_qemu_and_no_apt(cache: Path, tool: Tool) -> None:
    with pytest.raises(Unavailable) as caught:
        find_qemu("aarch64", say)
    assert str(caught.value).startswith("there is no qemu-aarch64 here that fits")
    assert str(caught.value).endswith(": apt-get install qemu-user")


def test_no_debian(cache: Path, tool: Tool) -> None:
    with pytest.raises(Unavailable, match="apt-get is not here: .* use a Debian or Ubuntu"):
        arm_python(say)


def test_no_compiler(cache: Path, tool: Tool) -> None:
    with pytest.raises(Unavailable, match="there is no C compiler: apt-get install gcc libc6-dev"):
        counter(profile_named("pi-4"), say)


def test_a_compiler_that_fails(cache: Path, tool: Tool) -> None:
    tool("cc", "echo 'count_instructions.c:11: fatal error: stdio.h: No such file' >&2; exit 1")
    with pytest.raises(BuildFailed, match="compiling count_instructions.c failed: .*stdio.h"):
        counting_plugin(say)


def test_the_users_compiler_comes_first(tool: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    tool("cc", "")
    own = tool("my-cc", "")
    monkeypatch.setenv("CC", "my-cc")
    assert compiler() == [str(own)]
    monkeypatch.setenv("CC", "my-cc gcc")
    assert compiler() == [str(own), "gcc"]
    monkeypatch.setenv("CC", '"')
    with pytest.raises(Unavailable, match="which is no command .*: unset it"):
        compiler()


def test_any_qemu_runs_programs(tool: Tool) -> None:
    static = tool("qemu-aarch64-static", REFUSES_PLUGINS)
    assert find_qemu("aarch64", say) == Qemu(static)
    dynamic = tool("qemu-aarch64", LOADS_PLUGINS)
    assert find_qemu("aarch64", say) == Qemu(dynamic)


def test_only_a_qemu_that_loads_plugins_counts(cache: Path, tool: Tool) -> None:
    tool("qemu-aarch64-static", LOADS_PLUGINS)
    tool("qemu-aarch64", REFUSES_PLUGINS)
    with pytest.raises(Unavailable, match="apt-get install qemu-user"):
        find_qemu("aarch64", say, plugins=True)
    dynamic = tool("qemu-aarch64", LOADS_PLUGINS)
    assert find_qemu("aarch64", say, plugins=True) == Qemu(dynamic)


def test_32_bit_arm_has_a_qemu_of_its_own(tool: Tool) -> None:
    there = tool("qemu-arm", LOADS_PLUGINS)
    assert find_qemu("armv7l", say) == Qemu(there)


def test_a_board_that_qemu_does_not_have(cache: Path, tool: Tool) -> None:
    with pytest.raises(Unavailable, match="no processor like that of NVIDIA Jetson Xavier NX"):
        emulated_board(profile_named("jetson-xavier-nx"), say)


def test_an_architecture_that_is_not_emulated(cache: Path) -> None:
    with pytest.raises(Unavailable, match="for x86_64: take aarch64, armv7l"):
        arm_python(say, "x86_64")


@pytest.fixture
def debian(tool: Tool) -> Tool:
    """The tools of a Debian whose package sources do not answer until told otherwise."""
    tool("apt-config", "exit 0")
    tool("dpkg-deb", "exit 0")
    tool("apt-get", 'for last; do :; done; echo "E: no answer for $last" >&2; exit 100')
    return tool


def test_sources_that_do_not_answer(debian: Tool, tmp_path: Path) -> None:
    with pytest.raises(BuildFailed, match="apt-get update failed: E: no answer for update"):
        unpack(("hello",), "arm64", tmp_path / "root", beside_installed=False)


def test_one_silent_source_is_no_failure(debian: Tool, tmp_path: Path) -> None:
    debian("apt-get", 'case "$*" in *update) exit 100;; *) exit 0;; esac')
    unpack(("hello",), "arm64", tmp_path / "root", beside_installed=False)
    assert not (tmp_path / "root-apt").exists()


def test_the_plugin_compiles_without_a_warning(tmp_path: Path, cache: Path, monkeypatch) -> None:
    if not shutil.which("cc"):
        pytest.skip("no C compiler: apt-get install gcc libc6-dev")
    strict = tmp_path / "strict-cc"
    strict.write_text('#!/bin/sh\nexec cc -Wall -Wextra -Wno-unused-parameter -Werror "$@"\n')
    strict.chmod(0o755)
    monkeypatch.setenv("CC", str(strict))
    assert counting_plugin(say).read_bytes().startswith(b"\x7fELF")
