"""Run as `python common/run_module.py MODULE ARGUMENT ...`: a module of these rooms as a program.

Like `python -m MODULE`, but neither the folder that the user stands in nor PYTHONPATH can put
another package before ours, in any Python that has what the module imports, ours installed
there or not.
"""

import sys

del sys.path[0]  # this file's folder, where `statistics` and others would hide Python's own

import runpy  # noqa: E402
from importlib.machinery import ModuleSpec  # noqa: E402
from importlib.util import spec_from_file_location  # noqa: E402
from pathlib import Path  # noqa: E402

_BESIDE = Path(__file__).resolve().parent.parent
_ROOMS = ("edge", "examples")  # beside those whose names start with edge_


class Rooms:
    """Finds the packages that lie beside this one: `edge_devices`, or `devices` in a checkout."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if path is not None or not (name in _ROOMS or name.startswith("edge_")):
            return None
        for folder in (_BESIDE / name, _BESIDE / name.removeprefix("edge_")):
            if (folder / "__init__.py").exists():
                return spec_from_file_location(
                    name, folder / "__init__.py", submodule_search_locations=[str(folder)]
                )
        return None


def main() -> None:
    sys.meta_path.insert(0, Rooms())
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
