"""The two HDF5 files of Fashion-Gen: `*_train.h5` and `*_validation.h5`.

| dataset | what |
| --- | --- |
| input_image | uint8 [N, 256, 256, 3], RGB |
| index, input_productID | int64 [N, 1] |
| index_2 | int64 [N] |
| input_msrpUSD | float32 [N, 1] |
| input_description, input_name ... | fixed-length bytes [N, 1], ISO-8859-1 |

A product has 1 to 6 rows, whose `input_pose` is `id_gridfs_1` and so on.
"""

from __future__ import annotations

import os
from typing import List, Tuple

import h5py

TRAIN_SUFFIX = "_train.h5"
TEST_SUFFIX = "_validation.h5"
ENCODING = "latin-1"
IMAGE_SIZE = 256
# The authors cut descriptions here, through words, tags and entities alike.
DESCRIPTION_BYTES = 400

# Text datasets and the lengths that we write; a reader takes any length.
TEXT_BYTES = {
    "input_description": DESCRIPTION_BYTES,
    "input_name": 200,
    "input_concat_description": 800,
    "input_category": 64,
    "input_subcategory": 64,
    "input_brand": 100,
    "input_composition": 300,
    "input_department": 64,
    "input_gender": 32,
    "input_season": 64,
    "input_pose": 32,
}
KEYS = ("index", "index_2", "input_productID", "input_image", "input_msrpUSD")
KEYS += tuple(TEXT_BYTES)
# What is read of a row, apart from its picture.
READ_TEXTS = tuple(key for key in TEXT_BYTES if key != "input_concat_description")
READ_FIELDS = ("input_productID", "input_msrpUSD") + READ_TEXTS


def find_files(directory: str) -> List[Tuple[str, bool]]:
    """Returns the files of a folder, (path, is_test), the train file first.

    Raises:
        FileNotFoundError: if there is neither.
        ValueError: if there are several train or several validation files.
    """
    names = sorted(os.listdir(directory)) if os.path.isdir(directory) else []
    files = []
    for suffix in (TRAIN_SUFFIX, TEST_SUFFIX):
        found = [name for name in names if name.endswith(suffix)]
        if len(found) > 1:
            raise ValueError(
                f"`{directory}` must hold one file `*{suffix}`. Received: "
                f"{', '.join(found)}"
            )
        files += [
            (os.path.join(directory, name), suffix == TEST_SUFFIX) for name in found
        ]
    if not files:
        raise FileNotFoundError(
            f"Fashion-Gen is a folder with a file `*{TRAIN_SUFFIX}`, `*{TEST_SUFFIX}` "
            f"or both. Received: directory={directory!r}"
        )
    return files


def check_file(path: str) -> int:
    """Checks that a file has what is read of it, and returns its number of rows.

    Raises:
        ValueError: naming the file and the dataset at fault.
    """
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise ValueError(f"`{path}` is not an HDF5 file: {error}") from error
    with file:
        for key in READ_FIELDS + ("index", "input_image"):
            if key not in file:
                raise ValueError(
                    f"`{path}` lacks the dataset `{key}`. Received: "
                    f"{', '.join(sorted(file)) or 'an empty file'}"
                )
        images = file["input_image"]
        if images.ndim != 4 or images.shape[3] != 3 or images.dtype != "uint8":
            raise ValueError(
                f"`{path}`: `input_image` must be uint8 [N, height, width, 3]. "
                f"Received: {images.dtype} {list(images.shape)}"
            )
        rows = images.shape[0]
        for key in READ_FIELDS + ("index",):
            if file[key].shape not in ((rows,), (rows, 1)):
                raise ValueError(
                    f"`{path}`: `{key}` must be [{rows}, 1] or [{rows}], as long as "
                    f"`input_image`. Received: {list(file[key].shape)}"
                )
    return rows
