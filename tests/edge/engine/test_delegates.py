"""What a user may ask for, who computes what, and what is announced."""

import re

import pytest
from hypothesis import given, strategies as st

from edge.engine.delegate import AUTO, Delegate
from edge.engine.delegation import (
    BUILT_IN,
    XNNPACK,
    Delegation,
    by_part,
    check_delegate_is_used,
    delegate_nodes,
    operator_assignment,
)
from edge_common.console import warn_once
from edge_common.errors import DelegateError

key = st.from_regex(r"[A-Za-z_][\w-]{0,8}", fullmatch=True)
value = st.text(st.characters(codec="ascii", exclude_characters="=,:\n\r"), max_size=8)
options = st.dictionaries(key, value, max_size=3).map(lambda found: tuple(found.items()))
paths = st.from_regex(r"/[a-z/]{1,12}\.so(\.\d)?", fullmatch=True)


@given(st.one_of(paths, st.sampled_from(["edgetpu", "gpu", "armnn", "emulated"])), options)
def test_a_library_is_read_as_it_is_written(name: str, options: tuple) -> None:
    delegate = Delegate(name, options)
    assert Delegate.parse(str(delegate)) == delegate


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("auto", AUTO),
        ("none", Delegate("none")),
        ("xnnpack", Delegate("xnnpack")),
        ("edgetpu", Delegate("edgetpu")),
        ("./libx.so", Delegate("./libx.so")),
        ("/lib/x.so:device=usb:0,a=", Delegate("/lib/x.so", (("device", "usb:0"), ("a", "")))),
        ("armnn:backends=GpuAcc,CpuAcc", Delegate("armnn", (("backends", "GpuAcc,CpuAcc"),))),
        (
            "emulated:ops=CONV_2D+ADD,fail=invoke:3",
            Delegate("emulated", (("ops", "CONV_2D+ADD"), ("fail", "invoke:3"))),
        ),
    ],
)
def test_what_may_be_asked_for(text: str, found: Delegate) -> None:
    assert Delegate.parse(text) == found
    assert str(found) == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("edgtpu", "there is no delegate 'edgtpu': did you mean edgetpu?"),
        ("tpu9", "known are auto, none, xnnpack, edgetpu, gpu, armnn, emulated. Others are given"),
        ("", "there is no delegate ''"),
        ("emulated:ops", "options of a delegate are key=value, and 'ops' is none"),
        ("none:a=1", "the delegate none takes no options: leave out :a=1"),
        ("x.so:a=1,a=2", "option a is given twice"),
    ],
)
def test_what_is_misspelt_is_one_line(text: str, said: str) -> None:
    with pytest.raises(DelegateError, match=re.escape(said)):
        Delegate.parse(text)


def test_a_label_holds_no_folders() -> None:
    delegate = Delegate.parse("/opt/lib/libx.so.1:device=/dev/apex_0")
    assert (delegate.label, delegate.short) == ("libx.so.1:device=/dev/apex_0", "libx.so.1")


def test_what_a_command_line_needs_of_it() -> None:
    assert AUTO.arguments == []
    strict = Delegate.parse("x.so:a=1", strict=True)
    assert strict.arguments == ["--delegate", "x.so:a=1", "--strict-delegate"]


def node(index: int, name: str, inputs: list[int], outputs: list[int]) -> dict:
    return {"index": index, "op_name": name, "inputs": inputs, "outputs": outputs}


# tensors 0 -> 1 -> 2 -> 3 -> 4; a library took the first two operators, XNNPACK the last one
CHAIN = [
    node(0, "CONV_2D", [0, 10], [1]),
    node(1, "ADD", [1, 11], [2]),
    node(2, "SOFTMAX", [2], [3]),
    node(3, "CONV_2D", [3, 12], [4]),
]
DELEGATED = [*CHAIN, node(4, "DELEGATE", [0, 10, 11], [2]), node(5, "DELEGATE", [3, 12], [4])]


def test_operators_are_counted_by_who_computes_them() -> None:
    assert delegate_nodes(DELEGATED) == 2
    assert operator_assignment(DELEGATED, library_nodes=1, library="x.so") == (
        {"x.so": {"CONV_2D": 1, "ADD": 1}, XNNPACK: {"CONV_2D": 1}, BUILT_IN: {"SOFTMAX": 1}},
        {"x.so": 1, XNNPACK: 1},
    )


def test_a_graph_without_delegates_is_all_built_in() -> None:
    assert operator_assignment(CHAIN) == ({BUILT_IN: {"CONV_2D": 2, "ADD": 1, "SOFTMAX": 1}}, {})
    assert operator_assignment([]) == ({}, {})


FOUND = Delegation(
    "emulated",
    {
        "emulated": {"CONV_2D": 33},
        XNNPACK: {"ADD": 20, "MUL": 4},
        BUILT_IN: dict.fromkeys("DCBA", 1),
    },
    {"emulated": 26, XNNPACK: 1},
)


def test_a_line_names_the_commonest_operators() -> None:
    assert str(FOUND) == (
        "emulated 33 of 61 in 26 pieces (33 CONV_2D), XNNPACK 24, "
        "built-in kernels 4 (1 A, 1 B, 1 C, ...)"
    )
    assert str(Delegation("auto", {})) == "no operators"


def test_a_line_a_part_and_one_a_reason() -> None:
    without = Delegation("x.so", {XNNPACK: {"ADD": 2}}, {XNNPACK: 1}, "x.so cannot be opened")
    assert list(by_part({"encoder": without, "head": without})) == [
        "operators of encoder  XNNPACK 2 of 2",
        "operators of head     XNNPACK 2 of 2",
        "warning: x.so cannot be opened; it was left out",
    ]


def test_a_delegate_that_takes_nothing_is_announced_or_refused(
    capsys: pytest.CaptureFixture,
) -> None:
    idle = Delegation("x.so", {BUILT_IN: {"ADD": 2}})
    check_delegate_is_used(Delegate("x.so"), [idle, idle])
    check_delegate_is_used(Delegate("xnnpack"), [idle])
    assert capsys.readouterr().err.splitlines() == [
        "warning: the delegate x.so takes no operator of this network; going on without it",
        "warning: the delegate xnnpack takes no operator of this network; going on without it",
    ]
    with pytest.raises(DelegateError, match="takes no operator of this network: convert it"):
        check_delegate_is_used(Delegate("x.so", strict=True), [idle])


def test_one_part_that_it_computes_is_enough(capsys: pytest.CaptureFixture) -> None:
    idle, busy = (
        Delegation("x.so", {BUILT_IN: {"ADD": 2}}),
        Delegation("x.so", {"x.so": {"ADD": 2}}),
    )
    check_delegate_is_used(Delegate("/lib/x.so", strict=True), [busy, idle])
    check_delegate_is_used(
        Delegate("xnnpack", strict=True), [Delegation("xnnpack", {XNNPACK: {"ADD": 2}})]
    )
    assert capsys.readouterr().err == ""


def test_the_same_is_announced_once(capsys: pytest.CaptureFixture) -> None:
    for text in ("no such\nlibrary", "no such\nlibrary", "another"):
        warn_once(text)
    assert capsys.readouterr().err == "warning: no such library\nwarning: another\n"
