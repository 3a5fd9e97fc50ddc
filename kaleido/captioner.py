"""Show, Attend and Tell (arXiv 1502.03044), the captioner of the AAG (paper, 3.2).

Soft attention over a convolutional grid of the locked object, an LSTM, deep
output. Its tokens are those of the records' vocabulary, so that a generated word
and a raw one are the same word if their pieces are.
"""

from __future__ import annotations

import dataclasses
from typing import Dict, Mapping, Tuple

import numpy as np
import tensorflow as tf

from kaleido.decoding import beam_search, close_caption
from kaleido.grid_features import GRID
from kaleido.known_pieces import PieceTable
from kaleido.text import CLS, PAD, SEP, UNKNOWN, Vocabulary

# Weight of the doubly stochastic penalty (Show, Attend and Tell, eq. 14), of which the
# mean over cells is taken. A caption has fewer words than the grid has cells, and the
# nearest to a share of 1 for each cell is a flat map: with a weight of 1 trained maps
# spread over 166 of the 196 cells, without the penalty over 52, at the same perplexity.
DOUBLY_STOCHASTIC = 0.02


@dataclasses.dataclass(frozen=True)
class CaptionerSpec:
    """What a captioner's file says of its network.

    Attributes:
        pieces: ids of the word pieces it knows, ascending; it reads and writes
            others as [UNK], and never writes [UNK] or [PAD].
        channels: of the grid.
        vocabulary_fingerprint, backbone_fingerprint: what it was trained on.
        units, embedding, attention: sizes of the LSTM, of a piece and of the
            attention's hidden layer.
    """

    pieces: Tuple[int, ...]
    channels: int
    vocabulary_fingerprint: str
    backbone_fingerprint: str
    units: int = 256
    embedding: int = 128
    attention: int = 128


class AttendAndTell(tf.keras.layers.Layer):
    """One step: attend to the grid, gate the context, step the LSTM (eq. 1-9).

    An RNN cell with the states h and c; its constants are the annotation
    vectors [batch, cells, d] and their projection [batch, cells, attention]. Its
    output is [new h, gated context, attention map], concatenated.
    """

    def __init__(self, units: int, attention: int, context: int, **kwargs):
        super().__init__(**kwargs)
        self._units, self._context = units, context
        self.lstm = tf.keras.layers.LSTMCell(units, name="lstm")
        self.query = tf.keras.layers.Dense(attention, use_bias=False, name="query")
        self.energy = tf.keras.layers.Dense(1, use_bias=False, name="energy")
        self.gate = tf.keras.layers.Dense(1, "sigmoid", name="gate")

    @property
    def state_size(self):
        return [self._units, self._units]

    @property
    def output_size(self):
        return self._units + self._context + GRID * GRID

    def call(self, inputs, states, constants):
        """inputs: embedded last piece [batch, embedding]."""
        hidden, _ = states
        annotations, projected = constants
        energy = self.energy(tf.tanh(projected + self.query(hidden)[:, None]))
        weights = tf.nn.softmax(energy[..., 0], axis=-1)
        context = tf.matmul(weights[:, None], annotations)[:, 0] * self.gate(hidden)
        _, states = self.lstm(tf.concat([inputs, context], axis=-1), states)
        return tf.concat([states[0], context, weights], axis=-1), states


class Captioner(tf.keras.Model):
    """Show-Attend-Tell over a grid of the locked object.

    The paper's network begins at the annotation vectors; ours come from a frozen
    backbone that was not trained for it, so a normalisation and a layer of `units`
    channels lie between.

    Args:
        spec: its sizes and pieces.
        vocabulary: of `spec.vocabulary_fingerprint`.

    Raises:
        ValueError: if the vocabulary is another one.
    """

    def __init__(self, spec: CaptionerSpec, vocabulary: Vocabulary):
        super().__init__(name="captioner")
        self.spec = spec
        self._table = table = PieceTable(
            spec.pieces, vocabulary, spec.vocabulary_fingerprint
        )
        never = [table.index(piece) for piece in (PAD, UNKNOWN, CLS)]
        self._never = tf.constant(
            np.where(np.isin(np.arange(len(table)), never), -1e9, 0), tf.float32
        )
        dense, size = tf.keras.layers.Dense, spec.embedding
        self.normalize = tf.keras.layers.LayerNormalization(name="normalize")
        self.annotate = dense(spec.units, "relu", name="annotate")
        self.project = dense(spec.attention, name="project")
        self.embed = tf.keras.layers.Embedding(len(table), size, name="embed")
        self.first_state = dense(2 * spec.units, "tanh", name="first_state")
        self.cell = AttendAndTell(
            spec.units, spec.attention, spec.units, name="attend_and_tell"
        )
        self.rnn = tf.keras.layers.RNN(self.cell, return_sequences=True)
        self.from_hidden = dense(size, name="from_hidden")
        self.from_context = dense(size, use_bias=False, name="from_context")
        self.dropout = tf.keras.layers.Dropout(0.3)
        self.to_pieces = dense(len(table), name="to_pieces")

    def piece_indices(self, token_ids: tf.Tensor) -> tf.Tensor:
        """Maps ids of the vocabulary to the classes that are predicted."""
        return self._table(token_ids)

    def _annotate(self, grid, training):
        cells = tf.reshape(tf.cast(grid, tf.float32), [-1, GRID**2, grid.shape[-1]])
        annotations = self.annotate(self.normalize(cells))
        annotations = self.dropout(annotations, training=training)
        first = self.first_state(tf.reduce_mean(annotations, axis=1))
        return annotations, self.project(annotations), tf.split(first, 2, axis=-1)

    def _deep_output(self, embedded, outputs, training):
        hidden, context = outputs[..., : self.spec.units], outputs[
            ..., self.spec.units : 2 * self.spec.units
        ]
        # Eq. 7 has no `tanh`; the authors' code (arctic-captions) has, and so has ours.
        # Without it, two linear maps in a row are one.
        deep = embedded + self.from_hidden(hidden) + self.from_context(context)
        return self.to_pieces(self.dropout(tf.tanh(deep), training=training))

    def read(self, grid, token_ids, training=False):
        """Runs the decoder along given texts.

        Args:
            grid: float [batch, GRID, GRID, channels].
            token_ids: int32 [batch, length], with [CLS] and [SEP].

        Returns:
            The RNN's outputs [batch, length - 1, ...] and the embedded pieces.
        """
        annotations, projected, first = self._annotate(grid, training)
        embedded = self.embed(self.piece_indices(token_ids[:, :-1]))
        embedded = self.dropout(embedded, training=training)
        outputs = self.rnn(
            embedded, initial_state=first, constants=[annotations, projected]
        )
        return outputs, embedded

    def call(self, inputs, training=False):
        """Predicts each next piece of given texts (teacher forcing).

        Args:
            inputs: `grid` float [batch, GRID, GRID, channels]; `token_ids` int32
                [batch, length].

        Returns:
            `logits` float32 [batch, length - 1, pieces] of tokens 1, 2, ...;
            `maps` float32 [batch, length - 1, cells].
        """
        outputs, embedded = self.read(inputs["grid"], inputs["token_ids"], training)
        return {
            "logits": self._deep_output(embedded, outputs, training),
            "maps": outputs[..., 2 * self.spec.units :],
        }

    def maps(self, grid: tf.Tensor, token_ids: tf.Tensor) -> tf.Tensor:
        """Returns the map with which each token of given texts was predicted.

        Returns:
            float32 [batch, length, GRID, GRID]; rows of [CLS] are zero, and each
            other map sums to 1.
        """
        outputs, _ = self.read(grid, token_ids)
        return _with_first(outputs[..., 2 * self.spec.units :])

    def generate(
        self, grid: tf.Tensor, max_tokens: int, beams: int = 1
    ) -> Tuple[tf.Tensor, tf.Tensor]:
        """Captions pictures; greedily with one beam.

        Args:
            grid: float [batch, GRID, GRID, channels].
            max_tokens: length of a caption, [CLS] and [SEP] included.
            beams: see `decoding.beam_search`.

        Returns:
            `token_ids` int32 [batch, max_tokens] as `text.Tokenizer` would give
            them; maps float32 [batch, max_tokens, GRID, GRID] as `maps`.
        """
        ids, table = self._table.vocabulary.ids, self._table
        annotations, projected, (hidden, memory) = self._annotate(grid, False)
        batch, steps = tf.shape(annotations)[0], max_tokens - 1

        def step(index, last, state):
            hidden, memory, annotations, projected, history = state
            embedded = self.embed(last)
            outputs, (hidden, memory) = self.cell(
                embedded, [hidden, memory], constants=[annotations, projected]
            )
            logits = self._deep_output(embedded, outputs, False) + self._never
            place = tf.one_hot(index, steps)[:, None]
            history += place * outputs[:, None, 2 * self.spec.units :]
            state = hidden, memory, annotations, projected, history
            return tf.nn.log_softmax(logits), state

        history = tf.zeros([batch, steps, GRID**2])
        state = (hidden, memory, annotations, projected, history)
        indices, _, state = beam_search(
            step, state, batch, table.index(CLS), table.index(SEP), steps, beams
        )
        pieces = tf.gather(table.pieces, indices)
        token_ids = close_caption(pieces, ids[CLS], ids[SEP], ids[PAD])
        return token_ids, _with_first(state[-1])


def caption_loss(
    network: Captioner, batch: Mapping[str, tf.Tensor], training: bool
) -> Dict[str, tf.Tensor]:
    """Cross-entropy of each next piece, and the doubly stochastic penalty.

    Returns:
        Scalars `loss`; `nats`, the summed cross-entropy; `pieces`, its number.
    """
    outputs = network(batch, training=training)
    targets = batch["token_ids"][:, 1:]
    real = tf.cast(targets != 0, tf.float32)
    entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(
        network.piece_indices(targets), outputs["logits"]
    )
    nats, pieces = tf.reduce_sum(entropy * real), tf.reduce_sum(real)
    # Over a caption each cell should get its share of the attention.
    seen = tf.reduce_sum(outputs["maps"] * real[..., None], axis=1)
    penalty = tf.reduce_mean(tf.square(1.0 - seen))
    loss = nats / pieces + DOUBLY_STOCHASTIC * penalty
    return {"loss": loss, "nats": nats, "pieces": pieces}


def _with_first(maps: tf.Tensor) -> tf.Tensor:
    """Maps [batch, length - 1, cells] to [batch, length, GRID, GRID]."""
    maps = tf.pad(maps, [[0, 0], [1, 0], [0, 0]])
    return tf.reshape(maps, [tf.shape(maps)[0], -1, GRID, GRID])
