"""The rows as published, from `rows.toml`."""

import functools
from dataclasses import dataclass
from importlib import resources

from devices.tables import build, nearest
from devices.toml import tomllib
from edge.errors import ConfigError


@dataclass(frozen=True)
class Published:
    """One row of the thesis' table, and what is built for it here.

    age_mae: years.  gender_acc, race_acc: percent; None: not published.
    params_m: millions of parameters.  approximate: as the thesis marks it.
    source: the paper.  built: what was built after it.  counts: how the two counts differ.
    """

    key: str
    method: str
    reference: str
    year: int
    params_m: float
    source: str
    built: str
    counts: str
    approximate: bool = False
    age_mae: float | None = None
    gender_acc: float | None = None
    race_acc: float | None = None


@functools.cache
def published() -> dict[str, Published]:
    """All rows by their key, in the order of the table."""
    text = resources.files("benchmarks").joinpath("utkface", "rows.toml").read_text("utf-8")
    rows = [build(Published, row) for row in tomllib.loads(text)["row"]]
    return {row.key: row for row in rows}


def rows_named(names: str) -> tuple[Published, ...]:
    """The rows of `coral,dex`, in the order of the table; of nothing all of them.

    Raises ConfigError for a name that there is not.
    """
    known = published()
    given = {name.strip() for name in names.split(",") if name.strip()}
    for name in sorted(given - set(known)):
        hint = nearest(name, known) or f"; there are {', '.join(known)}"
        raise ConfigError(f"no row is called '{name}'{hint}")
    return tuple(row for key, row in known.items() if not given or key in given)
