"""Instruction words in their classes. The words are what GNU as makes of the text beside them."""

from random import Random

import pytest
from hypothesis import given, strategies as st

from edge_devices.emulation.counting import InstructionKind, class_names, class_of, kinds, parse


@pytest.mark.parametrize(
    ("word", "name", "moved_bytes"),
    [
        (0x4E829420, "dot_product", 0),  # sdot v0.4s, v1.16b, v2.16b
        (0x6F82E820, "dot_product", 0),  # udot v0.4s, v1.16b, v2.4b[2]
        (0x4E82A420, "matrix_multiply", 0),  # smmla v0.4s, v1.16b, v2.16b
        (0x4E606820, "pairwise_accumulate", 0),  # sadalp v0.4s, v1.8h
        (0x0E22C020, "widening_multiply", 0),  # smull v0.8h, v1.8b, v2.8b
        (0x4F522020, "widening_multiply", 0),  # smlal2 v0.4s, v1.8h, v2.h[1]
        (0x4EA29C20, "simd_multiply", 0),  # mul v0.4s, v1.4s, v2.4s
        (0x6EA2B420, "simd_multiply", 0),  # sqrdmulh v0.4s, v1.4s, v2.4s
        (0x4E22CC20, "float_multiply_add_32", 0),  # fmla v0.4s, v1.4s, v2.4s
        (0x4FA21020, "float_multiply_add_32", 0),  # fmla v0.4s, v1.4s, v2.s[1]
        (0x4E420C20, "float_multiply_add_16", 0),  # fmla v0.8h, v1.8h, v2.8h
        (0x4E62CC20, "float_multiply_add_64", 0),  # fmla v0.2d, v1.2d, v2.2d
        (0x6E22FC20, "float_divide", 0),  # fdiv v0.4s, v1.4s, v2.4s
        (0x1E221820, "float_divide", 0),  # fdiv s0, s1, s2
        (0x4E040420, "simd_permute", 0),  # dup v0.4s, v1.s[0]
        (0x4F000400, "simd_permute", 0),  # movi v0.4s, #0
        (0x4E22D420, "simd_float", 0),  # fadd v0.4s, v1.4s, v2.4s
        (0x4E21D820, "simd_float", 0),  # scvtf v0.4s, v1.4s
        (0x1E222820, "scalar_float", 0),  # fadd s0, s1, s2
        (0x4EA28420, "simd_integer", 0),  # add v0.4s, v1.4s, v2.4s
        (0x0E614820, "simd_integer", 0),  # sqxtn v0.4h, v1.4s
        (0x3DC00020, "load", 16),  # ldr q0, [x1]
        (0xAD400440, "load", 32),  # ldp q0, q1, [x2]
        (0xF9400020, "load", 8),  # ldr x0, [x1]
        (0x39400020, "load", 1),  # ldrb w0, [x1]
        (0x4C402020, "load", 64),  # ld1 {v0.16b-v3.16b}, [x1]
        (0x0D40C820, "load", 4),  # ld1r {v0.2s}, [x1]
        (0x3D800020, "store", 16),  # str q0, [x1]
        (0xA9000440, "store", 16),  # stp x0, x1, [x2]
        (0x0D008020, "store", 4),  # st1 {v0.s}[0], [x1]
        (0xF9800020, "prefetch", 0),  # prfm pldl1keep, [x1]
        (0xF8200041, "atomic", 0),  # ldadd x0, x1, [x2]
        (0x54000001, "branch", 0),  # b.ne .
        (0xD65F03C0, "branch", 0),  # ret
        (0xB4000000, "branch", 0),  # cbz x0, .
        (0xD4000001, "system", 0),  # svc #0
        (0x91000420, "scalar_integer", 0),  # add x0, x1, #1
        (0x2A2103E0, "scalar_integer", 0),  # mvn w0, w1
        (0x9B027C20, "scalar_integer", 0),  # mul x0, x1, x2
    ],
)
def test_a_word_is_of_its_class(word: int, name: str, moved_bytes: int) -> None:
    assert class_of(word) == name
    kind = next(kind for kind in kinds() if kind.fits(word))
    assert kind.moved_bytes == moved_bytes


def test_what_no_pattern_knows_is_other() -> None:
    assert class_of(0x00000000) == "other"  # udf #0
    assert class_of(0x04E0E3E0) == "other"  # cntd x0, of SVE


def test_a_pattern_is_read_from_the_highest_bit() -> None:
    assert parse("load", "1xxx 0000 " + "x" * 24, 8) == InstructionKind(
        "load", 0x8F000000, 0x80000000, 8
    )


@pytest.mark.parametrize("bits", ["", "01x", "2" * 32, "x" * 33])
def test_what_is_no_pattern_is_refused(bits: str) -> None:
    with pytest.raises(ValueError, match="no pattern of 32 bits"):
        parse("load", bits)


@given(st.sampled_from(kinds()), st.integers(0))
def test_free_bits_do_not_matter(kind: InstructionKind, seed: int) -> None:
    free = Random(seed).getrandbits(32) & ~kind.mask
    assert kind.fits(kind.value | free)


def test_only_loads_and_stores_move_bytes() -> None:
    for kind in kinds():
        assert (kind.moved_bytes > 0) == (kind.name in ("load", "store"))


def test_the_classes() -> None:
    """Records and predictions name them: a promise."""
    assert set(class_names()) == {
        *("dot_product", "matrix_multiply", "pairwise_accumulate", "widening_multiply"),
        *("simd_multiply", "simd_integer", "simd_permute", "simd_float", "float_divide"),
        *("float_multiply_add_16", "float_multiply_add_32", "float_multiply_add_64"),
        *("scalar_integer", "scalar_float", "branch", "system"),
        *("load", "store", "prefetch", "atomic"),
    }
