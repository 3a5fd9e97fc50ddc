"""The text of the most similar picture of training, for a caption to copy from.

Colours and sizes of one series often share most of their text, which no generator
knows by heart: it copies it, and writes what is different (`layers/copying.py`;
retrieval-augmented captioning, arXiv 2209.15323; not in the paper).

Pictures are similar whose texts should be: they are compared by where a ridge
regression maps them among the words of texts (`lexical_map.py`), not by their features.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Dict, Mapping, Optional

import numpy as np
import tensorflow as tf

from kaleido.caption_baselines import nearest_rows
from kaleido.layers.heads import level_means
from kaleido.lexical_map import fit_word_basis
from kaleido.patches import PatchLayout
from kaleido.ridge_map import RidgeFit, RidgeMap, choose_ridge_maps

# Below any cosine.
_NEVER = -2.0
# Of its arrays among a run's notes.
_PREFIX = "context_"
# Length of the vectors of texts.
_SIZE = 512
# Parts of training, each mapped by what the others teach.
_FOLDS = 5


class CaptionContext(tf.Module):
    """Knows pictures and texts of training.

    Args:
        arrays: `kernel` float32 [levels * features, size] and `bias` float32 [size],
            which map level means of a picture; `pictures` float32 [n, size], mapped
            and of length 1; `token_ids` int32 [n, length]; `product_keys` int64 [n].
        layout: of the patches.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray], layout: PatchLayout):
        super().__init__(name="caption_context")
        self._levels = layout.levels
        self.arrays = {
            name: tf.Variable(value, trainable=False, name=name)
            for name, value in arrays.items()
        }

    def texts(
        self, patch_features: tf.Tensor, product_keys: Optional[tf.Tensor] = None
    ) -> tf.Tensor:
        """Returns the text of the most similar picture that is another product's.

        Args:
            patch_features: float [batch, patches, size].
            product_keys: int64 [batch]; None where no product is of training.

        Returns:
            int32 [batch, length], padded as they were learnt.
        """
        known = self.arrays
        means = level_means(patch_features, self._levels, self._levels)
        mapped = tf.matmul(means, known["kernel"]) + known["bias"]
        mapped = tf.math.l2_normalize(mapped, axis=1)
        cosines = tf.matmul(mapped, known["pictures"], transpose_b=True)
        if product_keys is not None:
            own = tf.equal(product_keys[:, None], known["product_keys"][None])
            cosines = tf.where(own, _NEVER, cosines)
        return tf.gather(known["token_ids"], tf.argmax(cosines, axis=1))

    def to_notes(self) -> Dict[str, np.ndarray]:
        """Returns the arrays, under names of their own, for `Task.notes`."""
        notes = {
            f"{_PREFIX}{name}": value.numpy() for name, value in self.arrays.items()
        }
        pictures = f"{_PREFIX}pictures"
        # They are of this precision, and the file is smaller.
        return {**notes, pictures: notes[pictures].astype(np.float16)}

    @classmethod
    def from_notes(
        cls, notes: Mapping[str, np.ndarray], layout: PatchLayout
    ) -> Optional["CaptionContext"]:
        """Returns what `to_notes` gave; None if nothing is noted."""
        arrays = {
            name[len(_PREFIX) :]: value for name, value in notes.items()
            if name.startswith(_PREFIX)
        }
        if not arrays:
            return None
        return cls(
            {**arrays, "pictures": arrays["pictures"].astype(np.float32)}, layout
        )

    def __len__(self) -> int:
        """Texts that it knows."""
        return int(self.arrays["product_keys"].shape[0])


@dataclasses.dataclass(frozen=True)
class KnownPairs:
    """Pictures and texts of a split.

    Attributes:
        level_means: float32 [n, levels * features].
        token_ids: int32 [n, length].
        product_keys: int64 [n].
    """

    level_means: np.ndarray
    token_ids: np.ndarray
    product_keys: np.ndarray


@dataclasses.dataclass(frozen=True)
class LearntContext:
    """A context, and what training is to copy from.

    Attributes:
        context: for pictures that it has not seen.
        rows: int [n], of each picture of training whose text it is given. The map has
            learnt training by heart: what it finds for a picture that it knows is
            much nearer than what it will find for a new one, and would be trusted
            too much. So each product's pictures are mapped by what the others teach.
        chosen: settings of the map, see `choose_ridge_maps`.
    """

    context: CaptionContext
    rows: np.ndarray
    chosen: Mapping[str, Any]


def learn_context(
    train: KnownPairs, validation: KnownPairs, is_special: np.ndarray,
    layout: PatchLayout, seed: int,
) -> LearntContext:
    """Learns what makes texts alike, and remembers a training split.

    Args:
        train, validation: what is learnt from and remembered, and what chooses.
        is_special: bool [vocab_size], pieces that say nothing.
        layout: of the patches.
        seed: of the words' vectors.

    Raises:
        ValueError: if there is but one product, whose text nobody could copy.
    """
    products, product = np.unique(train.product_keys, return_inverse=True)
    if len(products) < 2:
        raise ValueError(
            "A context is another product's text. Received: "
            f"{len(products)} products in training"
        )
    basis = fit_word_basis(train.token_ids, is_special, _SIZE, seed)
    fit = RidgeFit(train.level_means, basis.vectors(train.token_ids))
    ((ridge, chosen),) = choose_ridge_maps(
        fit, (validation.level_means, basis.vectors(validation.token_ids))
    )
    rows = np.zeros(len(product), int)
    for fold in range(min(_FOLDS, len(products))):
        asked = np.flatnonzero(product % _FOLDS == fold)
        others = np.delete(np.arange(len(product)), asked)
        rest = fit.without(asked)
        solved = rest.solve(chosen["penalty"])[0]
        mapped = rest.whiten(0, *solved, chosen["whitening"]).image_vectors(
            train.level_means
        )
        rows[asked] = others[nearest_rows(mapped[others], mapped[asked])]
    return LearntContext(_remember(ridge, train, layout), rows, chosen)


def _remember(
    ridge: RidgeMap, train: KnownPairs, layout: PatchLayout
) -> CaptionContext:
    pictures = ridge.image_vectors(train.level_means)
    arrays = {
        "kernel": ridge.image_kernel, "bias": ridge.image_bias,
        # As they are noted: colours of a series are near ties.
        "pictures": pictures.astype(np.float16).astype(np.float32),
        "token_ids": train.token_ids, "product_keys": train.product_keys,
    }
    return CaptionContext(arrays, layout)
