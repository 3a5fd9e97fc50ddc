"""Kaleido-BERT as a generator of captions (FC, paper section 4.3).

The same encoder under a sequence-to-sequence attention mask (UniLM, arXiv
1905.03197): patches see patches, words see patches and the words before them. The
state of a word predicts the next one by the masked-language head. A context, another
product's text, is seen as patches are (`caption_context.py`).
"""

from __future__ import annotations

from typing import List, NamedTuple, Optional, Tuple

import numpy as np
import tensorflow as tf

from kaleido.decoding import beam_search, close_caption, nucleus_sample
from kaleido.models import Networks
from kaleido.text import CLS, PAD, SEP, Vocabulary

# Far below any logit, yet finite.
_NEVER = -1e9
# No caption holds so many pieces in a row twice.
NO_REPEAT = 3


class Memory(NamedTuple):
    """What words see of patches and context.

    Attributes:
        visible: bool [batch, n].
        layers: keys and values of each layer, float [batch, heads, n, size].
    """

    visible: tf.Tensor
    layers: List[Tuple[tf.Tensor, tf.Tensor]]


def sequence_to_sequence_visible(
    text_visible: tf.Tensor, given_visible: tf.Tensor
) -> tf.Tensor:
    """Says who sees whom.

    Args:
        text_visible: bool [batch, length], which words are there.
        given_visible: bool [batch, n], what of the given is there: patches, and
            words of a context. It stands behind the words.

    Returns:
        bool [batch, length + n, length + n], rows look at columns.
    """
    length, given = tf.shape(text_visible)[1], tf.shape(given_visible)[1]
    earlier = tf.linalg.band_part(tf.ones([length, length], tf.bool), -1, 0)
    words = tf.logical_and(earlier, text_visible[:, None])
    to_given = tf.repeat(given_visible[:, None], length + given, axis=1)
    to_words = tf.pad(words, [[0, 0], [0, given], [0, 0]])
    return tf.concat([to_words, to_given], axis=2)


class Generator:
    """Reads and writes captions with the layers of trained networks.

    Args:
        networks: the models; their layers are shared, not copied.
        vocabulary: of the captions.
        pieces: bool [vocab_size], which of it captions may hold beside [SEP]; all by
            default. A catalogue writes with a fifth of a standard vocabulary, and
            the output matrix is most of what a caption costs.
    """

    def __init__(
        self, networks: Networks, vocabulary: Vocabulary,
        pieces: Optional[np.ndarray] = None,
    ):
        joint = networks.joint
        self._networks = networks
        self._embed_text = networks.text_embedding
        self._embed_patches = networks.patch_embedding
        self._layers = networks.encoder_layers
        self._bias = joint.get_layer("attention_bias")
        self._transform = joint.get_layer("mlm")
        self._output_bias = joint.get_layer("mlm_bias")
        allowed = np.ones(len(vocabulary), bool) if pieces is None else pieces
        self._ids = np.flatnonzero(allowed | vocabulary.is_special)
        # Where each id stands among these, -1 for nowhere.
        places = np.full(len(vocabulary), -1, np.int32)
        places[self._ids] = np.arange(len(self._ids))
        self._places = tf.constant(places)
        self._begin, self._end, self._padding = (
            int(places[vocabulary.ids[piece]]) for piece in (CLS, SEP, PAD)
        )
        never = vocabulary.is_special[self._ids]
        never[self._end] = False
        self._never = tf.constant(np.where(never, _NEVER, 0.0), tf.float32)

    def places(self, token_ids: tf.Tensor) -> tf.Tensor:
        """Returns where pieces stand among those that captions may hold, or -1."""
        return tf.gather(self._places, token_ids)

    def scores(self, states: tf.Tensor) -> tf.Tensor:
        """Returns logits of the next piece, float32 [..., pieces], by the state."""
        hidden = self._transform(states)
        table = tf.cast(tf.gather(self._embed_text.words, self._ids), hidden.dtype)
        products = tf.cast(tf.matmul(hidden, table, transpose_b=True), tf.float32)
        return products + tf.gather(self._output_bias.bias, self._ids)

    def states(
        self,
        token_ids: tf.Tensor,
        patch_features: tf.Tensor,
        patch_positions: tf.Tensor,
        training: bool = False,
        context_ids: Optional[tf.Tensor] = None,
    ) -> tf.Tensor:
        """Returns what the next pieces of given captions are read off.

        Args:
            token_ids: int32 [batch, length], with [CLS] and [SEP].
            patch_features, patch_positions: see `models.Networks.joint`.
            training: whether dropout is on.
            context_ids: int32 [batch, any], texts to build on.

        Returns:
            float [batch, length - 1, hidden_size], of the pieces 1, 2, ...
        """
        words = self._embed_text(token_ids[:, :-1], training=training)
        given, given_visible = self._given(
            patch_features, patch_positions, context_ids, training
        )
        states = tf.concat([words, given], axis=1)
        visible = sequence_to_sequence_visible(token_ids[:, :-1] != 0, given_visible)
        states = self._networks.encode(states, visible, training)
        return states[:, : tf.shape(words)[1]]

    def _given(self, patch_features, patch_positions, context_ids, training=False):
        """Embeds what a caption is written of: float [batch, n, h], bool [batch, n]."""
        states = self._embed_patches(
            patch_features, patch_positions, training=training
        )
        visible = tf.ones(tf.shape(states)[:2], tf.bool)
        if context_ids is None:
            return states, visible
        # The other row of BERT's segments tells it from the words that are written.
        context = self._embed_text(
            context_ids, training=training, segment_ids=tf.ones_like(context_ids)
        )
        return (
            tf.concat([states, context], axis=1),
            tf.concat([visible, context_ids != 0], axis=1),
        )

    def _remember(
        self, patch_features, patch_positions, beams: int, context_ids=None
    ) -> Memory:
        """Returns what words see of the given, a copy for each beam.

        It sees no word, and so is the same at each step.
        """
        states, visible = self._given(patch_features, patch_positions, context_ids)
        bias = self._bias(visible)
        layers = []
        for layer in self._layers:
            query, key, value = layer.project(states)
            layers.append(tuple(tf.repeat(x, beams, axis=0) for x in (key, value)))
            states = layer.attend(states, query, key, value, bias)
        return Memory(tf.repeat(visible, beams, axis=0), layers)

    def _stepper(self, memory: Memory, steps: int):
        """Returns the step of a decoder and its first state, but for the batch."""
        def step(index, last, caches):
            ids = tf.gather(self._ids, last)
            states = self._embed_text(ids[:, None], first_position=index)
            written = tf.range(steps) <= index
            written = tf.repeat(written[None], tf.shape(last)[0], axis=0)
            bias = self._bias(tf.concat([written, memory.visible], axis=1))
            here = tf.one_hot(index, steps, dtype=states.dtype)[:, None]
            grown = []
            for layer, cache, given in zip(self._layers, caches, memory.layers):
                query, *new = layer.project(states)
                cache = tuple(old + here * one for old, one in zip(cache, new))
                key, value = (
                    tf.concat(parts, axis=2) for parts in zip(cache, given)
                )
                states = layer.attend(states, query, key, value, bias)
                grown.append(cache)
            logits = self.scores(states[:, 0]) + self._never
            return tf.nn.log_softmax(logits), grown

        def empty(batch):
            return [
                tuple(
                    tf.zeros([batch, x.shape[1], steps, x.shape[3]], x.dtype)
                    for x in given
                )
                for given in memory.layers
            ]

        return step, empty

    def generate(
        self,
        patch_features: tf.Tensor,
        patch_positions: tf.Tensor,
        max_tokens: int,
        beams: int = 1,
        length_power: float = 0.7,
        context_ids: Optional[tf.Tensor] = None,
    ) -> tf.Tensor:
        """Captions pictures; greedily with one beam.

        No caption holds the same `NO_REPEAT` pieces in a row twice.

        Args:
            patch_features, patch_positions: see `models.Networks.joint`.
            max_tokens: length of a caption, [CLS] and [SEP] included.
            beams, length_power: see `decoding.beam_search`.
            context_ids: see `states`.

        Returns:
            int32 [batch, max_tokens], as `text.Tokenizer` would give them.
        """
        memory = self._remember(patch_features, patch_positions, beams, context_ids)
        step, empty = self._stepper(memory, max_tokens - 1)
        batch = tf.shape(patch_features)[0]
        tokens, _, _ = beam_search(
            step, empty(batch), batch, self._begin, self._end, max_tokens - 1,
            beams, length_power, no_repeat=NO_REPEAT,
        )
        return self._closed(tokens)

    def sample(
        self,
        patch_features: tf.Tensor,
        patch_positions: tf.Tensor,
        max_tokens: int,
        seed: tf.Tensor,
        nucleus: float = 0.9,
        context_ids: Optional[tf.Tensor] = None,
    ) -> tf.Tensor:
        """Draws captions, see `decoding.nucleus_sample`; shapes as in `generate`."""
        memory = self._remember(patch_features, patch_positions, 1, context_ids)
        step, empty = self._stepper(memory, max_tokens - 1)
        batch = tf.shape(patch_features)[0]
        tokens = nucleus_sample(
            step, empty(batch), batch, self._begin, self._end, max_tokens - 1,
            seed, nucleus, no_repeat=NO_REPEAT,
        )
        return self._closed(tokens)

    def _closed(self, tokens: tf.Tensor) -> tf.Tensor:
        closed = close_caption(tokens, self._begin, self._end, self._padding)
        return tf.cast(tf.gather(self._ids, closed), tf.int32)
