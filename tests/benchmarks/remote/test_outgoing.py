import click
import pytest

from edge_benchmarks.remote.outgoing import CommandLine, command_line

OPTIONS = [
    click.Argument(["bundle"], default="shipped"),
    click.Argument(["more"], nargs=-1),
    click.Option(["--source"]),
    click.Option(["--data"], type=click.Path(exists=True)),
    click.Option(["--cache"], type=click.Path()),
    click.Option(["--frames"], type=int, default=300),
    click.Option(["-k", "--keep"], is_flag=True),
    click.Option(["--fast/--slow"], default=False),
    click.Option(["--one", "choice"], flag_value="1"),
    click.Option(["--two", "choice"], flag_value="2"),
    click.Option(["--tag"], multiple=True),
    click.Option(["--range"], nargs=2, type=float),
    click.Option(["--output"]),
]


def told(*arguments: str) -> CommandLine:
    """What a board is told of a command that was called with these arguments."""
    command = click.Command("bench", params=OPTIONS, callback=lambda **given: None)
    context = command.make_context("bench", list(arguments))
    return command_line(context, {"output"})


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([], ["--"]),
        (["--frames", "5"], ["--frames", "5", "--"]),
        (["--frames=300"], ["--frames", "300", "--"]),
        (["-k", "--slow"], ["--keep", "--slow", "--"]),
        (["--fast", "--two"], ["--fast", "--two", "--"]),
        (["--tag", "a", "--tag", "b"], ["--tag", "a", "--tag", "b", "--"]),
        (["--range", "-1", "0.5"], ["--range", "-1.0", "0.5", "--"]),
        (["--output", "r.json", "--cache", "/tmp"], ["--cache", "/tmp", "--"]),
        (["faces-in-motion", "x", "y"], ["--", "faces-in-motion", "x", "y"]),
        (["--source", "rtsp://camera/1"], ["--source", "rtsp://camera/1", "--"]),
    ],
)
def test_what_was_given_goes_on_and_defaults_do_not(given: list[str], expected: list[str]) -> None:
    assert told(*given) == CommandLine(tuple(expected))


def test_files_of_one_name_get_a_folder_each(tmp_path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.npz").write_bytes(b"12345")
    first, second = tmp_path / "a" / "x.npz", tmp_path / "b" / "x.npz"
    found = told("--data", str(first), "--source", str(second))
    assert found.arguments == ("--source", "0/x.npz", "--data", "1/x.npz", "--")
    assert [(file.path, file.name, file.size_bytes) for file in found.files] == [
        (second, "0/x.npz", 5),
        (first, "1/x.npz", 5),
    ]


def test_a_folder_goes_with_all_that_is_in_it(tmp_path) -> None:
    (tmp_path / "clips" / "left").mkdir(parents=True)
    (tmp_path / "clips" / "left" / "0.png").touch()
    (tmp_path / "clips" / "a.mp4").touch()
    found = told("--data", str(tmp_path / "clips"))
    assert found.arguments == ("--data", "0/clips", "--")
    assert [file.name for file in found.files] == ["0/clips/a.mp4", "0/clips/left/0.png"]


def test_a_glob_goes_with_what_it_matches(tmp_path) -> None:
    for folder in ("left", "right"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "0.png").touch()
        (tmp_path / folder / "notes.txt").touch()
    found = told("--source", f"{tmp_path}/*/*.png")
    assert found.arguments == ("--source", "0/*/*.png", "--")
    assert [file.name for file in found.files] == ["0/left/0.png", "0/right/0.png"]
