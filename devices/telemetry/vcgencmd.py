"""Questions to the Raspberry Pi firmware by its own command.

https://www.raspberrypi.com/documentation/computers/os.html#vcgencmd. Each question starts a
process; `pmic_read_adc` keeps the firmware busy for some 20 ms more.
"""

import shutil
import subprocess
from collections.abc import Callable

_TIMEOUT_S = 2.0

# a command and its arguments in, its output out; None where it cannot be asked
Vcgencmd = Callable[[str], str | None]


def run_vcgencmd(command: str) -> str | None:
    """Run `vcgencmd COMMAND`; None where it is not installed, fails, or hangs."""
    program = shutil.which("vcgencmd")
    if program is None:
        return None
    try:
        done = subprocess.run(
            [program, *command.split()],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode(errors="replace") if done.returncode == 0 else None
