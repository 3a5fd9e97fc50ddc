"""Captions without our network, to stand beside FC in one table."""

from __future__ import annotations

import collections
from typing import Dict, List, Sequence

import numpy as np
from sklearn.preprocessing import normalize

from kaleido.text import normalize_text

# Pictures of the test that are compared with all of training together.
_BLOCK = 1024
# Of a cosine in float32: pictures that are equal may differ by as much.
_ROUNDING = 1e-6


def nearest_captions(
    train_features: np.ndarray,
    train_captions: Sequence[str],
    test_features: np.ndarray,
) -> List[str]:
    """Gives each picture the caption of the nearest one of training, by cosine.

    Args:
        train_features: float [train, size] frozen picture features.
        train_captions: of the same pictures.
        test_features: float [test, size].

    Returns:
        A caption for each picture of the test; of equally near ones the first.

    Raises:
        ValueError: if training is empty, or has not as many captions as features.
    """
    _check(train_features, train_captions)
    nearest = nearest_rows(train_features, test_features)
    return [train_captions[row] for row in nearest.tolist()]


def nearest_rows(train_features: np.ndarray, test_features: np.ndarray) -> np.ndarray:
    """Returns the nearest one of training, by cosine, int [test].

    Args:
        train_features: float [train, size].
        test_features: float [test, size].

    Returns:
        Rows of training; of equally near ones the first.
    """
    train = normalize(np.asarray(train_features, np.float32))
    nearest = np.zeros(len(test_features), int)
    for start in range(0, len(test_features), _BLOCK):
        block = slice(start, start + _BLOCK)
        cosines = normalize(np.asarray(test_features[block], np.float32)) @ train.T
        best = cosines.max(axis=1, keepdims=True)
        nearest[block] = (cosines >= best - _ROUNDING).argmax(axis=1)
    return nearest


def frequent_captions(
    train_subcategories: Sequence[str],
    train_captions: Sequence[str],
    test_subcategories: Sequence[str],
) -> List[str]:
    """Gives each picture the most frequent caption of its sub-category.

    Captions that are one text by `text.normalize_text` are counted together, and
    written as the first of them.

    Args:
        train_subcategories, train_captions: of the pictures of training.
        test_subcategories: of the test; one that training has not takes the most
            frequent caption of all.

    Returns:
        A caption for each picture of the test; of equally frequent ones that which
        comes first in training.

    Raises:
        ValueError: if training is empty, or has not as many captions as labels.
    """
    _check(train_subcategories, train_captions)
    counts: Dict[str, collections.Counter] = {}
    overall, written = collections.Counter(), {}
    for subcategory, caption in zip(train_subcategories, train_captions):
        text = normalize_text(caption)
        written.setdefault((subcategory, text), caption)
        written.setdefault(text, caption)
        counts.setdefault(subcategory, collections.Counter())[text] += 1
        overall[text] += 1
    # Of equal counts, `most_common` puts the one that was met first in front.
    chosen = {
        subcategory: written[subcategory, count.most_common(1)[0][0]]
        for subcategory, count in counts.items()
    }
    anywhere = written[overall.most_common(1)[0][0]]
    return [chosen.get(subcategory, anywhere) for subcategory in test_subcategories]


def _check(train: Sequence, captions: Sequence[str]) -> None:
    if not len(captions) or len(train) != len(captions):
        raise ValueError(
            "Captions are taken from training, one of each picture. Received: "
            f"{len(captions)} captions of {len(train)} pictures"
        )
