"""What records say of words and patches, which no network reads."""

from __future__ import annotations

from typing import Dict

import tensorflow as tf

from kaleido import records
from kaleido.masking import ALIGNED_LEVELS


def parse_alignments(
    serialized: tf.Tensor, spec: records.RecordSpec
) -> Dict[str, tf.Tensor]:
    """Returns only the `alignments` int32 and `alignment_scores` float16 of a batch.

    Both are [batch, max_tokens, 3], see `alignment.best_patches`.
    """
    names = {"alignments": tf.int16, "alignment_scores": tf.float16}
    description = {name: tf.io.FixedLenFeature([], tf.string) for name in names}
    parsed = tf.io.parse_example(serialized, description)
    shape = [-1, spec.max_tokens, len(ALIGNED_LEVELS)]
    parsed = {
        name: tf.reshape(tf.io.decode_raw(parsed[name], dtype), shape)
        for name, dtype in names.items()
    }
    return {**parsed, "alignments": tf.cast(parsed["alignments"], tf.int32)}
