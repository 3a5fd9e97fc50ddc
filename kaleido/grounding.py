"""Which cells of a picture a word speaks of, learnt from image-text pairs alone.

Show-Attend-Tell decides where to look before it knows its next word, so its maps
tell little about words. Here each word, read with its neighbours, is compared
with every cell; a word must find in its own picture a cell that fits it better
than any cell of pictures whose texts lack the word (multiple-instance
contrastive learning). The third alignment method beside the paper's.
"""

from __future__ import annotations

import dataclasses
from typing import Dict, Mapping, Tuple

import tensorflow as tf

from kaleido.alignment import visible_pieces
from kaleido.grid_features import GRID
from kaleido.known_pieces import PieceTable
from kaleido.text import Vocabulary

# A logit that no image with the same phrase gets.
_NEVER = -1e9
# How fast a map falls with the similarity: to a half within .14. Sharper maps point to
# the same cell, but their hot region says less of which patch holds the part.
MAP_SHARPNESS = 5.0


@dataclasses.dataclass(frozen=True)
class GrounderSpec:
    """What a grounder's file says of its network.

    Attributes:
        pieces, channels, vocabulary_fingerprint, backbone_fingerprint: see
            `captioner.CaptionerSpec`.
        size: of the vectors that are compared.
        reach: words to either side that a word is read with.
        sharpness: of the soft maximum over cells.
    """

    pieces: Tuple[int, ...]
    channels: int
    vocabulary_fingerprint: str
    backbone_fingerprint: str
    size: int = 128
    reach: int = 2
    sharpness: float = 10.0


class Grounder(tf.keras.Model):
    """Compares words with cells.

    Args:
        spec: its sizes and pieces.
        vocabulary: of `spec.vocabulary_fingerprint`.

    Raises:
        ValueError: if the vocabulary is another one.
    """

    def __init__(self, spec: GrounderSpec, vocabulary: Vocabulary):
        super().__init__(name="grounder")
        self.spec = spec
        self._table = PieceTable(
            spec.pieces, vocabulary, spec.vocabulary_fingerprint
        )
        self.learns = tf.constant(self._table.is_known & visible_pieces(vocabulary))
        layers = tf.keras.layers
        self.embed = layers.Embedding(len(self._table), spec.size, name="embed")
        self.context = layers.Conv1D(
            spec.size, 2 * spec.reach + 1, padding="same", name="context"
        )
        self.normalize = layers.LayerNormalization(name="normalize")
        self.spread = layers.Conv2D(256, 3, padding="same", name="spread")
        self.mix = layers.Conv2D(256, 3, padding="same", name="mix")
        self.cells = layers.Dense(spec.size, name="cells")
        self.dropout = layers.Dropout(0.2)
        self.scale = self.add_weight(
            "scale", (), initializer=tf.keras.initializers.Constant(10.0)
        )

    def words(self, token_ids, training=False):
        """int32 [batch, length] -> unit vectors [batch, length, size]."""
        x = self.embed(self._table(token_ids))
        x *= tf.cast(token_ids != 0, tf.float32)[..., None]
        x += self.context(self.dropout(x, training=training))
        return tf.math.l2_normalize(x, axis=-1)

    def regions(self, grid, training=False):
        """[batch, GRID, GRID, channels] -> unit vectors [batch, cells, size]."""
        x = self.normalize(tf.cast(grid, tf.float32))
        x = self.dropout(x, training=training)
        x = tf.nn.relu(self.spread(x))
        x = self.dropout(x + tf.nn.relu(self.mix(x)), training=training)
        x = tf.math.l2_normalize(self.cells(x), axis=-1)
        return tf.reshape(x, [-1, GRID**2, self.spec.size])

    def call(self, inputs, training=False):
        """Similarity of each word to each cell, float32 [batch, length, cells]."""
        words = self.words(inputs["token_ids"], training)
        regions = self.regions(inputs["grid"], training)
        return tf.matmul(words, regions, transpose_b=True)

    def maps(self, grid: tf.Tensor, token_ids: tf.Tensor) -> tf.Tensor:
        """Returns maps in (0, 1], 1 at the most similar cell of each token.

        Returns:
            float32 [batch, length, GRID, GRID].
        """
        similar = self({"grid": grid, "token_ids": token_ids})
        maps = tf.exp(
            MAP_SHARPNESS * (similar - tf.reduce_max(similar, axis=-1, keepdims=True))
        )
        return tf.reshape(maps, [tf.shape(maps)[0], -1, GRID, GRID])


def grounding_loss(
    network: Grounder, batch: Mapping[str, tf.Tensor], training: bool
) -> Dict[str, tf.Tensor]:
    """Each word must recognise its own picture among those that lack its phrase.

    A picture is as similar to a word as the soft maximum over its cells. Of the
    other pictures of the batch count those whose texts do not have the word beside
    either of its neighbours.

    Returns:
        Scalars `loss`; `nats`, the summed cross-entropy; `pieces`, its number.
    """
    ids = batch["token_ids"]
    words = network.words(ids, training)
    regions = network.regions(batch["grid"], training)
    places = tf.where(tf.gather(network.learns, ids))
    own = tf.cast(places[:, 0], tf.int32)
    sharpness = network.spec.sharpness
    cells = tf.einsum("wd,brd->wbr", tf.gather_nd(words, places), regions)
    similar = tf.reduce_logsumexp(sharpness * cells, axis=-1) / sharpness

    def same(shift):
        """bool [words, batch, length]: equal to the word's neighbour, there."""
        moved = tf.roll(ids, -shift, axis=1)
        return tf.equal(moved[None], tf.gather_nd(moved, places)[:, None, None])

    phrase = tf.reduce_any(same(0) & (same(-1) | same(1)), axis=2)
    mine = tf.one_hot(own, tf.shape(ids)[0]) > 0
    wrong = tf.logical_not(phrase)
    logits = tf.where(wrong | mine, network.scale * similar, _NEVER)
    entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(own, logits)
    # A phrase that all texts of the batch have is no question.
    asked = tf.cast(tf.reduce_any(wrong, axis=1), tf.float32)
    nats, count = tf.reduce_sum(entropy * asked), tf.reduce_sum(asked)
    return {"loss": nats / tf.maximum(count, 1.0), "nats": nats, "pieces": count}
