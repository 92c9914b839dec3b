"""The ssh command line, and what ssh's own words mean where loopback cannot make it say them."""

import pytest

from edge_benchmarks.remote.board import Board
from edge_benchmarks.remote.link import connection_lost, not_started

BOARD = Board("pi@board", 2222)


def test_what_must_hold_stands_before_the_users_options() -> None:
    command = Board("pi@board", 2222, ("ConnectTimeout=3", "BatchMode=no")).ssh_command()
    options = [value for flag, value in zip(command, command[1:]) if flag == "-o"]
    assert options.index("BatchMode=yes") < options.index("BatchMode=no")
    assert options.index("ConnectTimeout=3") < options.index("ConnectTimeout=10")
    assert command[-5:-1] == ["-p", "2222", "--", "pi@board"]


@pytest.mark.parametrize(
    ("python", "said"),
    [
        ("python3", "exec python3 -I -c '"),
        ("~/my env/bin/python", "exec ~/'my env/bin/python' -I -c '"),
        ("/opt/it's", """exec '/opt/it'"'"'s' -I -c '"""),
    ],
)
def test_the_python_is_quoted_for_a_shell_that_still_sees_the_home(python: str, said: str) -> None:
    command = Board("pi@board", python=python).ssh_command()[-1]
    assert command.startswith(said)
    assert "\n" not in command


@pytest.mark.parametrize(
    ("said", "meaning"),
    [
        (
            "ssh: Could not resolve hostname board: Name or service not known",
            "there is no host pi@board: check the name",
        ),
        ("ssh: connect to host board port 22: No route to host", "pi@board does not answer"),
        ("ssh: connect to host board port 22: Connection timed out", "pi@board does not answer"),
        (
            "Received disconnect from board: 2: Too many authentication failures",
            "--ssh-option IdentitiesOnly=yes",
        ),
        ("kex_exchange: odd\n\n", r"\(kex_exchange: odd\): does `ssh -p 2222 pi@board true` work"),
        ("", "nothing was said"),
    ],
)
def test_what_ssh_says(said: str, meaning: str) -> None:
    with pytest.raises(Exception, match=meaning):
        raise not_started(BOARD, 255, said)


def test_a_lost_connection() -> None:
    error = connection_lost(BOARD, "Timeout, server board not responding.\n")
    assert "(Timeout, server board not responding.)" in str(error)
    assert error.exit_code == 2
