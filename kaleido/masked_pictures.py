"""Pictures with masks of their objects: what the saliency network learns from."""

from __future__ import annotations

import dataclasses
import glob
import hashlib
import io
import os
from typing import Iterable, Iterator, List, NamedTuple, Tuple

import numpy as np
import tensorflow as tf
from PIL import Image

from kaleido import patches
from kaleido.progress import Progress

# What is left out of training for figures, and as much to choose by.
HELD_OUT_SHARE = 0.1

Pair = Tuple[str, str]


class MaskedPicture(NamedTuple):
    """A picture and where its object is.

    Attributes:
        image: uint8 [height, width, 3].
        mask: uint8 [height, width], 255 = object.
        name: what errors and pages call it.
    """

    image: np.ndarray
    mask: np.ndarray
    name: str


def find_pairs(images: str, masks: str) -> List[Pair]:
    """Returns the picture and mask paths of equal stem in two folders, sorted.

    Files without a partner are left out.

    Raises:
        ValueError: if there is no pair.
    """
    by_stem = {_stem(path): path for path in _files(masks)}
    pairs = [
        (path, by_stem[_stem(path)]) for path in _files(images)
        if _stem(path) in by_stem
    ]
    if not pairs:
        raise ValueError(
            "There are no pictures and masks of equal stem. Received: "
            f"{images!r}, {masks!r}"
        )
    return pairs


def part_of(pair: Pair) -> str:
    """Returns `test`, `validation` or `train`: what a pair is for.

    Decided by the file's stem alone, so that it stays so when others come. A tenth is
    `test` and never trained on; the next tenth is trained on, too, except by trainings
    that are compared with each other.
    """
    digest = hashlib.sha256(_stem(pair[0]).encode("utf-8")).digest()
    place = int.from_bytes(digest[:8], "big") / 2**64
    if place < HELD_OUT_SHARE:
        return "test"
    return "validation" if place < 2 * HELD_OUT_SHARE else "train"


def read_masked_picture(image: str, mask: str) -> MaskedPicture:
    """Reads a pair as the records job would read its picture.

    Args:
        image: any picture of `patches.decode_picture`.
        mask: a picture of the same size, 255 = object; also 1-bit.

    Raises:
        ValueError: if one cannot be decoded, their sizes differ, or the mask's
            values are not of [0, 255] but class numbers.
    """
    try:
        with open(image, "rb") as file, open(mask, "rb") as mask_file:
            return decode_masked_picture(file.read(), mask_file.read(), mask)
    except OSError as error:
        raise ValueError(f"{image} or {mask} cannot be read: {error}") from error


def decode_masked_picture(image: bytes, mask: bytes, name: str) -> MaskedPicture:
    """Decodes a pair, see `read_masked_picture`; `name` is what errors say."""
    try:
        picture = patches.decode_picture(tf.constant(image)).numpy()
        truth = np.asarray(Image.open(io.BytesIO(mask)).convert("L"))
    # A damaged picture makes TensorFlow and Pillow raise almost anything.
    except Exception as error:
        reason = str(error).split("\n")[0][:200]
        raise ValueError(
            f"{name} or its picture cannot be decoded. Received: {reason}"
        ) from error
    if picture.shape[:2] != truth.shape:
        raise ValueError(
            f"{name} must have the size of its picture, {picture.shape[:2]}. "
            f"Received: {truth.shape}"
        )
    if 0 < truth.max() < 128:
        raise ValueError(
            f"{name} must be 255 where the object is. Received: values up to "
            f"{truth.max()}"
        )
    return MaskedPicture(picture, truth, name)


@dataclasses.dataclass
class PairReader:
    """Reads many pairs; bad ones are listed, and few of them are borne.

    Attributes:
        max_bad_share: of the pairs.
        bad: what was wrong with each bad pair.
    """

    max_bad_share: float = 0.05
    bad: List[str] = dataclasses.field(default_factory=list)

    def read(self, pairs: Iterable[Pair]) -> Iterator[MaskedPicture]:
        """Yields `read_masked_picture` of each good pair.

        Raises:
            ValueError: at the end, if more than `max_bad_share` were bad.
        """
        return (picture for _, picture in self.read_pairs(pairs))

    def read_parts(
        self, pairs: Iterable[Pair], scored: str, progress: Progress
    ) -> Iterator[Tuple[Pair, MaskedPicture, str]]:
        """Yields good pairs with what a training does with each.

        Args:
            pairs: to be read.
            scored: `test` or `validation`; a training that is scored on `validation`
                to be compared with others leaves both out.
            progress: is told of each pair, good or bad.

        Yields:
            (pair, picture, `train`, `scored` or `left out`), see `part_of`.

        Raises:
            ValueError: as `read`.
        """
        def told(pairs):
            for pair in pairs:
                yield pair
                progress.advance(1)

        for pair, picture in self.read_pairs(told(pairs)):
            part = part_of(pair)
            rest = "left out" if part == "test" else "train"
            yield pair, picture, "scored" if part == scored else rest

    def read_pairs(
        self, pairs: Iterable[Pair]
    ) -> Iterator[Tuple[Pair, MaskedPicture]]:
        """Yields each good pair with what `read` yields; raises what it raises."""
        count, before = 0, len(self.bad)
        for pair in pairs:
            count += 1
            try:
                picture = read_masked_picture(*pair)
            except ValueError as error:
                self.bad.append(str(error))
                continue
            yield pair, picture
        bad = self.bad[before:]
        if len(bad) > self.max_bad_share * count:
            raise ValueError(
                f"{len(bad)} of {count} masked pictures are bad, more than a share of "
                f"{self.max_bad_share}. Received: {'; '.join(bad[:5])}"
            )


def _stem(path: str) -> str:
    return os.path.splitext(os.path.basename(path))[0]


def _files(folder: str) -> List[str]:
    return sorted(glob.glob(os.path.join(glob.escape(folder), "*")))
