"""The text of the most similar picture of training, for a caption to copy from.

Colours and sizes of one series often share most of their text, which no generator
knows by heart: it copies it, and writes what is different (`layers/copying.py`;
retrieval-augmented captioning, arXiv 2209.15323; not in the paper).
"""

from __future__ import annotations

from typing import Dict, Mapping, Optional, Sequence

import numpy as np
import tensorflow as tf

from kaleido.layers.heads import level_means
from kaleido.patches import PatchLayout

# A feature that never varies says nothing.
_LEAST_DEVIATION = 1e-6
# Below any cosine.
_NEVER = -2.0
# Of its arrays among a run's notes.
_PREFIX = "context_"


def describe(patch_features: tf.Tensor, levels: Sequence[int]) -> tf.Tensor:
    """Returns what pictures are compared by, float32 [batch, size].

    Args:
        patch_features: float [batch, patches, size].
        levels: grid sides, coarsest first.
    """
    return level_means(patch_features, levels, levels[:1])


class CaptionContext(tf.Module):
    """Knows pictures and texts of training.

    Pictures are compared by the cosine of their coarsest level's frozen features,
    brought to zero mean and unit variance: the whole picture, of which finer levels
    say less.

    Args:
        arrays: `mean` and `deviation` float32 [size], `pictures` float32 [n, size],
            standardized and of length 1, `token_ids` int32 [n, length] and
            `product_keys` int64 [n].
        layout: of the patches.
    """

    def __init__(self, arrays: Mapping[str, np.ndarray], layout: PatchLayout):
        super().__init__(name="caption_context")
        self._levels = layout.levels
        self.arrays = {
            name: tf.Variable(value, trainable=False, name=name)
            for name, value in arrays.items()
        }

    @classmethod
    def learn(
        cls, features: np.ndarray, token_ids: np.ndarray, product_keys: np.ndarray,
        layout: PatchLayout,
    ) -> "CaptionContext":
        """Remembers a training split.

        Args:
            features: `describe` of its pictures, [n, size].
            token_ids: int32 [n, length] of their texts.
            product_keys: int64 [n].
            layout: of the patches.

        Raises:
            ValueError: if there is but one product, whose text nobody could copy.
        """
        if len(np.unique(product_keys)) < 2:
            raise ValueError(
                "A context is another product's text. Received: "
                f"{len(np.unique(product_keys))} products in training"
            )
        mean = features.mean(axis=0, dtype=np.float64).astype(np.float32)
        deviation = np.maximum(features.std(axis=0, dtype=np.float64), _LEAST_DEVIATION)
        deviation = deviation.astype(np.float32)
        pictures = (features - mean) / deviation
        pictures /= np.maximum(np.linalg.norm(pictures, axis=1, keepdims=True), 1e-9)
        # As they are noted: colours of a series are near ties.
        pictures = pictures.astype(np.float16).astype(np.float32)
        arrays = {
            "mean": mean, "deviation": deviation,
            "pictures": pictures, "token_ids": token_ids, "product_keys": product_keys,
        }
        return cls(arrays, layout)

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
        described = describe(patch_features, self._levels)
        described = (described - known["mean"]) / known["deviation"]
        described = tf.math.l2_normalize(described, axis=1)
        cosines = tf.matmul(described, known["pictures"], transpose_b=True)
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
        # They are of this precision, and the file is half as large.
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
