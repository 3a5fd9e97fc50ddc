"""Kaleido-BERT as a generator of captions (FC, paper section 4.3).

The same encoder under a sequence-to-sequence attention mask (UniLM, arXiv
1905.03197): patches see patches, words see patches and the words before them. The
state of a word predicts the next one by the masked-language head.
"""

from __future__ import annotations

from typing import List, Optional, Tuple

import numpy as np
import tensorflow as tf

from kaleido.decoding import beam_search, close_caption, nucleus_sample
from kaleido.models import Networks
from kaleido.text import CLS, PAD, SEP, Vocabulary

# Far below any logit, yet finite.
_NEVER = -1e9
# No caption holds so many pieces in a row twice.
NO_REPEAT = 3

Memory = List[Tuple[tf.Tensor, tf.Tensor]]


def sequence_to_sequence_visible(
    text_visible: tf.Tensor, num_patches: int
) -> tf.Tensor:
    """Says who sees whom.

    Args:
        text_visible: bool [batch, length], which words are there.
        num_patches: number of patches, which stand behind the words.

    Returns:
        bool [batch, length + patches, length + patches], rows look at columns.
    """
    batch, length = tf.unstack(tf.shape(text_visible))
    earlier = tf.linalg.band_part(tf.ones([length, length], tf.bool), -1, 0)
    words = tf.logical_and(earlier, text_visible[:, None])
    to_patches = tf.ones([batch, length + num_patches, num_patches], tf.bool)
    to_words = tf.concat([words, tf.zeros([batch, num_patches, length], tf.bool)], 1)
    return tf.concat([to_words, to_patches], axis=2)


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
    ) -> tf.Tensor:
        """Returns what the next pieces of given captions are read off.

        Args:
            token_ids: int32 [batch, length], with [CLS] and [SEP].
            patch_features, patch_positions: see `models.Networks.joint`.
            training: whether dropout is on.

        Returns:
            float [batch, length - 1, hidden_size], of the pieces 1, 2, ...
        """
        words = self._embed_text(token_ids[:, :-1], training=training)
        patches = self._embed_patches(
            patch_features, patch_positions, training=training
        )
        length = tf.shape(words)[1]
        states = tf.concat([words, patches], axis=1)
        visible = sequence_to_sequence_visible(
            token_ids[:, :-1] != 0, patches.shape[1]
        )
        states = self._networks.encode(states, visible, training)
        return states[:, :length]

    def _remember(self, patch_features, patch_positions, beams: int) -> Memory:
        """Returns each layer's keys and values of the patches, a copy for each beam.

        They see no word, and so are the same at each step.
        """
        states = self._embed_patches(patch_features, patch_positions)
        nothing_hidden = tf.zeros([1, 1, 1, 1], states.dtype)
        memory = []
        for layer in self._layers:
            query, key, value = layer.project(states)
            memory.append(tuple(tf.repeat(x, beams, axis=0) for x in (key, value)))
            states = layer.attend(states, query, key, value, nothing_hidden)
        return memory

    def _stepper(self, memory: Memory, steps: int):
        """Returns the step of a decoder and its first state, but for the batch."""
        num_patches = memory[0][0].shape[2]

        def step(index, last, caches):
            ids = tf.gather(self._ids, last)
            states = self._embed_text(ids[:, None], first_position=index)
            seen = tf.concat(
                [tf.range(steps) <= index, tf.ones([num_patches], tf.bool)], axis=0
            )
            bias = self._bias(seen[None])
            here = tf.one_hot(index, steps, dtype=states.dtype)[:, None]
            grown = []
            for layer, cache, of_patches in zip(self._layers, caches, memory):
                query, *new = layer.project(states)
                cache = tuple(old + here * one for old, one in zip(cache, new))
                key, value = (
                    tf.concat([words, patches], axis=2)
                    for words, patches in zip(cache, of_patches)
                )
                states = layer.attend(states, query, key, value, bias)
                grown.append(cache)
            logits = self.scores(states[:, 0]) + self._never
            return tf.nn.log_softmax(logits), grown

        def empty(batch):
            return [
                tuple(
                    tf.zeros([batch, x.shape[1], steps, x.shape[3]], x.dtype)
                    for x in of_patches
                )
                for of_patches in memory
            ]

        return step, empty

    def generate(
        self,
        patch_features: tf.Tensor,
        patch_positions: tf.Tensor,
        max_tokens: int,
        beams: int = 1,
        length_power: float = 0.7,
    ) -> tf.Tensor:
        """Captions pictures; greedily with one beam.

        No caption holds the same `NO_REPEAT` pieces in a row twice.

        Args:
            patch_features, patch_positions: see `models.Networks.joint`.
            max_tokens: length of a caption, [CLS] and [SEP] included.
            beams, length_power: see `decoding.beam_search`.

        Returns:
            int32 [batch, max_tokens], as `text.Tokenizer` would give them.
        """
        step, empty = self._stepper(
            self._remember(patch_features, patch_positions, beams), max_tokens - 1
        )
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
    ) -> tf.Tensor:
        """Draws captions, see `decoding.nucleus_sample`; shapes as in `generate`."""
        step, empty = self._stepper(
            self._remember(patch_features, patch_positions, 1), max_tokens - 1
        )
        batch = tf.shape(patch_features)[0]
        tokens = nucleus_sample(
            step, empty(batch), batch, self._begin, self._end, max_tokens - 1,
            seed, nucleus, no_repeat=NO_REPEAT,
        )
        return self._closed(tokens)

    def _closed(self, tokens: tf.Tensor) -> tf.Tensor:
        closed = close_caption(tokens, self._begin, self._end, self._padding)
        return tf.cast(tf.gather(self._ids, closed), tf.int32)
