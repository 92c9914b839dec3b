"""What ran here is never older than what ran before."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from edge.signatures import Release, ReleaseHistory, version_key
from edge_common import SignatureError

releases = st.builds(
    Release,
    st.sampled_from(["0.9", "1", "1.0", "1.9", "1.10", "2.0.1"]),
    st.integers(1_700_000_000, 1_700_000_003),
    st.sampled_from(["a", "b"]),
)


def order(release: Release) -> tuple[tuple[int, ...], int]:
    return version_key(release.version), release.signed_at


@given(st.lists(releases, max_size=12))
def test_any_order_of_releases_runs_as_a_rising_one(
    tmp_path_factory: pytest.TempPathFactory, offered: list[Release]
) -> None:
    history = ReleaseHistory(tmp_path_factory.mktemp("state") / "edge-run" / "bundles.json")
    ran = list[Release]()
    for release in offered:
        try:
            history.check("door", release)
            history.record({"door": release})
        except SignatureError:
            continue
        ran.append(release)
    assert not offered or ran[0] == offered[0]
    for before, after in pairwise(ran):
        assert before.sha256 == after.sha256 or order(before) < order(after)
        assert before.sha256 == after.sha256 or before.signed_at <= after.signed_at


@given(releases, releases)
def test_two_files_do_not_take_each_others_place_for_ever(one: Release, other: Release) -> None:
    if one.sha256 != other.sha256:
        assert not (one.follows(other) and other.follows(one))


@pytest.mark.parametrize(
    ("version", "signed_at", "sha256", "follows"),
    [
        ("1.2", 100, "same", True),
        ("1.2", 100, "other", False),  # neither newer nor the same
        ("1.2", 101, "other", True),
        ("1.3", 100, "other", True),
        ("1.10", 100, "other", True),
        ("1.3", 99, "other", False),
        ("1.1", 999, "other", False),
        ("1.2", 99, "same", True),  # signed by another key before
    ],
)
def test_a_release_follows_by_version_and_date(
    version: str, signed_at: int, sha256: str, follows: bool
) -> None:
    assert Release(version, signed_at, sha256).follows(Release("1.2", 100, "same")) is follows


@pytest.mark.parametrize("version", ["", "v1", "1.", "1.2-rc1", "-1", "1..2", "1" * 10, "١"])
def test_a_version_is_of_numbers(version: str) -> None:
    with pytest.raises(ValueError, match="is not of numbers with dots, such as 1.4.2"):
        version_key(version)


def test_an_older_one_says_what_ran_and_what_to_do(tmp_path: Path) -> None:
    history = ReleaseHistory(tmp_path / "bundles.json")
    history.record({"door": Release("1.2", 1_700_000_000, "a")})
    older = Release("1.1", 1_700_000_000, "b")
    with pytest.raises(SignatureError) as error:
        history.check("door", older)
    assert str(error.value) == (
        "'door' 1.1 of 2023-11-14 22:13:20 UTC is older than 1.2 of 2023-11-14 22:13:20 UTC, or "
        "another one of then, which ran here: --allow-downgrade takes it"
    )
    with pytest.raises(SignatureError, match="is older than"):  # another run was faster
        history.record({"door": older})
    history.check("yard", older)
    history.record({"door": older}, allow_downgrade=True)
    assert history.read() == {"door": older}


@pytest.mark.parametrize(
    "content", ["", "[]", '{"door": {}}', '{"door": {"version": "x", "signed_at": 1, "sha256": ""}}',
                '{"door": {"version": "1", "signed_at": NaN, "sha256": ""}}',
                '{"door": {"version": "1", "signed_at": 100000000000, "sha256": ""}}',
                '{"door": {"version": "1", "signed_at": -1, "sha256": ""}}'],
)  # fmt: skip
def test_a_damaged_history_is_not_taken_for_an_empty_one(tmp_path: Path, content: str) -> None:
    path = tmp_path / "bundles.json"
    path.write_text(content)
    for attempt in (
        ReleaseHistory(path).read,
        lambda: ReleaseHistory(path).record({"a": Release("1", 1, "")}),
    ):
        with pytest.raises(SignatureError, match="which says what ran here, is damaged"):
            attempt()
    assert path.read_text() == content


def test_what_cannot_be_remembered_does_not_run(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(
        SignatureError, match="cannot be written .*so that an older bundle could run"
    ):
        ReleaseHistory(tmp_path / "file" / "bundles.json").record({"door": Release("1", 1, "a")})
