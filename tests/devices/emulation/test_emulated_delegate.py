"""The delegate in C: how it is built, its options, and that it computes as the built-in kernels do."""

import os
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from edge.bundle import Bundle, open_bundle
from edge.engine import runtimes
from edge_common.console import captured_stderr
from edge_common.errors import DeviceError
from edge_devices.emulated_delegate import build as builder
from edge_devices.emulated_delegate.build import build

HERE = Path(builder.__file__).parent
RUNTIMES = [name for name in runtimes.installed() if name != "tensorflow"]
OFTEN = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "ADD", "MUL", "LOGISTIC", "RESHAPE")


def environment(**changes: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], **changes}


def test_it_compiles_without_a_warning(emulated_delegate: Path, tmp_path: Path) -> None:
    strict = "cc -Werror -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion"
    assert build(tmp_path, environment(CC=strict)).stat().st_size > 0


def test_it_is_compiled_once_and_again_for_another_compiler(
    emulated_delegate: Path, tmp_path: Path
) -> None:
    first = build(tmp_path)
    made = first.stat().st_mtime_ns
    assert build(tmp_path, {"PATH": "/nowhere"}) == first  # it needs no compiler any more
    assert first.stat().st_mtime_ns == made
    assert build(tmp_path, environment(CC="cc -O1")) != first
    assert len(list(tmp_path.iterdir())) == 2  # and nothing half done


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"PATH": "/nowhere"}, "there is no C compiler: apt-get install gcc"),
        ({"CC": "nosuch-cc"}, "CC is nosuch-cc, which is not there: apt-get install gcc"),
        ({"CC": '"'}, "CC is '\"', which is no command .*: unset it"),
        ({"CC": "false"}, "false does not compile the emulated delegate"),
        ({"CC": "cc -DIntArray"}, "does not compile the emulated delegate .*error"),
    ],
)
def test_no_compiler_is_one_line(changes: dict[str, str], said: str, tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match=said):
        build(tmp_path, environment(**changes))


def test_it_lies_in_the_users_cache(emulated_delegate: Path, tmp_path: Path) -> None:
    built = build(environment=environment(XDG_CACHE_HOME=str(tmp_path)))
    assert built.parent == tmp_path / "edge-run" / "delegates"


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DeviceError, match="cannot be built at .* choose another folder"):
        build(tmp_path / "file")


def test_the_operators_have_the_codes_of_the_schema() -> None:
    schema = pytest.importorskip("ai_edge_litert.schema_py_generated").BuiltinOperator
    listed = re.findall(r'{"(\w+)", (\d+)}', (HERE / "operators.c").read_text())
    assert len(listed) > 80
    assert {name: int(code) for name, code in listed} == {
        name: getattr(schema, name) for name, _ in listed
    }


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"opps": "all"},
            r"unknown option 'opps' \(known: ops, latency_us, latency_us_per_op, fail",
        ),
        ({"ops": "CONV_2D+FOO+ADD"}, r"ops: unknown operator 'FOO' \(write CONV_2D\+ADD"),
        ({"ops": ""}, "ops: unknown operator ''"),
        ({"ops": "CUSTOM"}, "unknown operator 'CUSTOM'"),
        ({"latency_us": "-1"}, "latency_us=-1 is not understood"),
        ({"latency_us": "1e3"}, "latency_us=1e3 is not understood"),
        ({"latency_us_per_op": "60000001"}, "write microseconds, 0 to 60000000"),
        ({"fail": "never"}, "fail=never is not understood"),
        ({"fail": "invoke"}, "invoke:N or hang:N, N from 1"),
        ({"fail": "invoke:0"}, "fail=invoke:0 is not understood"),
        ({"fail": "creation"}, "fail=creation is not understood"),
        ({"fail": "create"}, "fail=create asks for it"),
    ],
)
def test_an_option_that_is_not_understood_is_refused(
    emulated_delegate: Path, options: dict[str, str], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        runtimes.load().load_delegate(str(emulated_delegate), options)


def interpreter(
    runtime: str, model: bytes, library: Path | None = None, threads: int = 1, **options: str
) -> Any:
    """A runtime's own, without XNNPACK: the built-in kernels, and the delegate if one is given."""
    loaded = runtimes.load(runtime)
    delegates = [loaded.load_delegate(str(library), options)] if library else None
    with captured_stderr():
        found = loaded.interpreter(
            model_content=model,
            num_threads=threads,
            experimental_op_resolver_type=loaded.built_in_kernels,
            experimental_delegates=delegates,
        )
        found.allocate_tensors()
    return found


def answers(found: Any, seed: int) -> list[np.ndarray]:
    """To random inputs."""
    rng = np.random.default_rng(seed)
    for detail in found.get_input_details():
        shape, dtype = detail["shape"], np.dtype(detail["dtype"])
        if dtype.kind == "f":
            values = rng.standard_normal(shape)
        else:
            values = rng.integers(np.iinfo(dtype).min, np.iinfo(dtype).max, shape, endpoint=True)
        found.set_tensor(detail["index"], values.astype(dtype))
    found.invoke()
    return [found.get_tensor(detail["index"]).copy() for detail in found.get_output_details()]


def assert_same(one: Any, other: Any, seed: int) -> None:
    for mine, theirs in zip(answers(one, seed), answers(other, seed), strict=True):
        np.testing.assert_array_equal(mine, theirs)


@cache
def shipped(part: str) -> bytes:
    """`encoder` is int8; `head` has dynamic ranges, and operators of 18 kinds."""
    bundle = open_bundle("faces-in-motion")
    return bundle.members[bundle.manifest.part(part).file]


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("part", ["encoder", "head"])
@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.sets(st.sampled_from(OFTEN), min_size=1), st.integers(0, 2**32), st.integers(1, 2))
def test_whatever_it_takes_it_computes_as_the_built_in_kernels_do(
    emulated_delegate: Path, runtime: str, part: str, kinds: set[str], seed: int, threads: int
) -> None:
    model = shipped(part)
    ours = interpreter(runtime, model, emulated_delegate, threads, ops="+".join(sorted(kinds)))
    assert_same(ours, interpreter(runtime, model, threads=threads), seed)


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("part", ["encoder", "head"])
def test_a_whole_graph_of_its_own_repeats_itself(
    emulated_delegate: Path, runtime: str, part: str
) -> None:
    ours = interpreter(runtime, shipped(part), emulated_delegate)
    plain = interpreter(runtime, shipped(part))
    for seed in range(3):
        assert_same(ours, plain, seed)
    ours.allocate_tensors()
    assert_same(ours, plain, 3)


def test_every_precision(
    emulated_delegate: Path, tiny_bundle: Bundle, tiny_float_parts: dict[str, bytes]
) -> None:
    """int8, dynamic range and float32: operators with scratch memory of all sorts."""
    converted = [tiny_bundle.members[part.file] for part in tiny_bundle.manifest.parts]
    for model in (*converted, *tiny_float_parts.values()):
        ours = interpreter("litert", model, emulated_delegate)
        assert_same(ours, interpreter("litert", model), seed=5)


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize(
    ("ops", "pieces"), [("none", 0), ("CONV_2D", 26), ("CONV_2D+DEPTHWISE_CONV_2D", 10), ("all", 1)]
)
def test_it_takes_what_it_is_told_to(
    emulated_delegate: Path, runtime: str, ops: str, pieces: int
) -> None:
    """What lies between two operators of others becomes one node each."""
    found = interpreter(runtime, shipped("encoder"), emulated_delegate, ops=ops)
    names = Counter(node["op_name"] for node in found._get_ops_details())
    assert names["DELEGATE"] == pieces
    assert names["CONV_2D"] == 33  # the originals stay in the list


def test_another_graph_may_be_run_at_the_same_time(emulated_delegate: Path) -> None:
    both = [interpreter("litert", shipped(part), emulated_delegate) for part in ("encoder", "head")]
    plain = [interpreter("litert", shipped(part)) for part in ("encoder", "head")]
    for seed in range(2):
        for ours, theirs in zip(both, plain):
            assert_same(ours, theirs, seed)
