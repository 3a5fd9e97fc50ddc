"""Kaleido-BERT as a generator of captions (FC, paper section 4.3).

The same encoder under a sequence-to-sequence attention mask (UniLM, arXiv
1905.03197): patches see patches, words see patches and the words before them. The
state of a word predicts the next one by the masked-language head. From a context,
another product's text (`caption_context.py`), it may copy (`layers/copying.py`), and
closed forms may speak for words (`layers/word_evidence.py`).
"""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Optional, Tuple

import numpy as np
import tensorflow as tf

from kaleido.decoding import beam_search, close_caption, nucleus_sample
from kaleido.layers.copying import Copied, CopyHead, extend_matches
from kaleido.layers.heads import level_means
from kaleido.layers.word_evidence import WordEvidence
from kaleido.models import Networks
from kaleido.patches import PatchLayout
from kaleido.text import CLS, PAD, SEP, Vocabulary

# Far below any logit, yet finite.
_NEVER = -1e9
# No caption holds so many pieces in a row twice; none that copies so many, for texts
# of a catalogue do repeat themselves (three words in a row in a fifth of Myntra's).
NO_REPEAT = 3
NO_REPEAT_COPYING = 6


class Memory(NamedTuple):
    """What captions are written of.

    Attributes:
        layers: keys and values of the patches in each layer, float
            [batch, heads, patches, size].
        context_ids: int32 [batch, any], texts to copy from.
        evidence: float32 [batch, pieces], see `Generator.picture_evidence`.
    """

    layers: List[Tuple[tf.Tensor, tf.Tensor]]
    context_ids: Optional[tf.Tensor]
    evidence: Optional[tf.Tensor]


def sequence_to_sequence_visible(
    text_visible: tf.Tensor, patches: tf.Tensor
) -> tf.Tensor:
    """Says who sees whom.

    Args:
        text_visible: bool [batch, length], which words are there.
        patches: int32 scalar, their number; they stand behind the words.

    Returns:
        bool [batch, length + patches, length + patches], rows look at columns.
    """
    batch, length = tf.unstack(tf.shape(text_visible))
    earlier = tf.linalg.band_part(tf.ones([length, length], tf.bool), -1, 0)
    words = tf.logical_and(earlier, text_visible[:, None])
    to_words = tf.pad(words, [[0, 0], [0, patches], [0, 0]])
    to_patches = tf.ones([batch, length + patches, patches], tf.bool)
    return tf.concat([to_words, to_patches], axis=2)


class Generator:
    """Reads and writes captions with the layers of trained networks.

    Args:
        networks: the models; their layers are shared, not copied.
        vocabulary: of the captions.
        pieces: bool [vocab_size], which of it captions may hold beside [SEP]; all by
            default. A catalogue writes with a fifth of a standard vocabulary, and
            the output matrix is most of what a caption costs.
        copies: whether captions copy from contexts.
        layout: of the patches, if closed forms speak for words.

    Attributes:
        copying: the layer that does, built, in float32; None if none does.
        evidence: the layer of the closed forms, built, in float32, or None.
    """

    def __init__(
        self, networks: Networks, vocabulary: Vocabulary,
        pieces: Optional[np.ndarray] = None, copies: bool = False,
        layout: Optional[PatchLayout] = None,
    ):
        joint = networks.joint
        self._networks = networks
        self._embed_text = networks.text_embedding
        self.copying = None
        self._no_repeat = NO_REPEAT_COPYING if copies else NO_REPEAT
        if copies:
            self.copying = CopyHead(name="copying")
            # Rates are by name, which `build` alone does not give to variables.
            with tf.name_scope(self.copying.name):
                self.copying.build([None, self._embed_text.words.shape[1]])
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
        self._layout, self.evidence = layout, None
        if layout:
            features = networks.image.input["patch_features"].shape[-1]
            self.evidence = WordEvidence(
                features * len(layout.levels), len(self._ids), name="evidence"
            )
        never = vocabulary.is_special[self._ids]
        never[self._end] = False
        self._never = tf.constant(np.where(never, _NEVER, 0.0), tf.float32)

    @property
    def piece_ids(self) -> np.ndarray:
        """Ids of the pieces that captions may hold, int [pieces]."""
        return self._ids

    @property
    def saved(self) -> Dict[str, tf.keras.layers.Layer]:
        """What it has of its own, by name in a checkpoint."""
        parts = {"copying": self.copying, "evidence": self.evidence}
        return {name: part for name, part in parts.items() if part is not None}

    def picture_evidence(self, patch_features: tf.Tensor) -> Optional[tf.Tensor]:
        """Returns what closed forms add to logits, float32 [batch, pieces], if any.

        It is spent where a piece has been written: texts have it, as they should.

        Args:
            patch_features: float [batch, patches, size].
        """
        if self.evidence is None:
            return None
        levels = self._layout.levels
        return self.evidence(level_means(patch_features, levels, levels))

    def places(self, token_ids: tf.Tensor) -> tf.Tensor:
        """Returns where pieces stand among those that captions may hold, or -1."""
        return tf.gather(self._places, token_ids)

    def scores(
        self, states: tf.Tensor, copied: Optional[Copied] = None,
        evidence: Optional[tf.Tensor] = None,
    ) -> tf.Tensor:
        """Returns logits of the next piece, float32 [..., pieces].

        Args:
            states: float [..., hidden_size]; [n, hidden_size] where it copies.
            copied: what may be copied; the logits are log-probabilities then.
            evidence: float32 [..., pieces], of `picture_evidence` what is not spent.
        """
        hidden = self._transform(states)
        table = tf.cast(tf.gather(self._embed_text.words, self._ids), hidden.dtype)
        products = tf.cast(tf.matmul(hidden, table, transpose_b=True), tf.float32)
        logits = products + tf.gather(self._output_bias.bias, self._ids)
        if evidence is not None:
            logits += evidence
        if copied is None:
            return logits
        return self.copying(
            states, tf.nn.log_softmax(logits), copied.matches, copied.followers
        )

    def followers(self, context_ids: tf.Tensor) -> tf.Tensor:
        """Returns the piece after each of a context, int32 of the same shape.

        Args:
            context_ids: int32 [batch, any], texts to copy from.

        Returns:
            Places among `pieces`, -1 for what is not written.
        """
        places = self.places(tf.pad(context_ids[:, 1:], [[0, 0], [0, 1]]))
        # Padding is no text, nor are other reserved pieces but [SEP].
        writable = tf.gather(self._never, tf.maximum(places, 0)) > _NEVER
        return tf.where(writable, places, -1)

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
        states = tf.concat([words, patches], axis=1)
        visible = sequence_to_sequence_visible(
            token_ids[:, :-1] != 0, tf.shape(patches)[1]
        )
        states = self._networks.encode(states, visible, training)
        return states[:, : tf.shape(words)[1]]

    def _remember(
        self, patch_features, patch_positions, beams: int, context_ids=None
    ) -> Memory:
        """Returns what captions are written of, a copy for each beam.

        Patches see no word, and so are the same at each step.
        """
        states = self._embed_patches(patch_features, patch_positions)
        bias = self._bias(tf.ones(tf.shape(states)[:2], tf.bool))
        layers = []
        for layer in self._layers:
            query, key, value = layer.project(states)
            layers.append(tuple(tf.repeat(x, beams, axis=0) for x in (key, value)))
            states = layer.attend(states, query, key, value, bias)
        if context_ids is not None:
            context_ids = tf.repeat(context_ids, beams, axis=0)
        evidence = self.picture_evidence(patch_features)
        if evidence is not None:
            evidence = tf.repeat(evidence, beams, axis=0)
        return Memory(layers, context_ids, evidence)

    def _stepper(self, memory: Memory, steps: int):
        """Returns the step of a decoder and its first state, but for the batch."""
        context_ids, followers = memory.context_ids, None
        if context_ids is not None:
            followers = self.followers(context_ids)

        def step(index, last, state):
            caches, matches, written_pieces = state
            ids = tf.cast(tf.gather(self._ids, last), tf.int32)
            states = self._embed_text(ids[:, None], first_position=index)
            written = tf.range(steps) <= index
            there = tf.ones(tf.shape(memory.layers[0][0])[2:3], tf.bool)
            visible = tf.concat([written, there], axis=0)[None]
            bias = self._bias(tf.repeat(visible, tf.shape(last)[0], axis=0))
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
            copied = None
            if context_ids is not None:
                matches = extend_matches(matches, ids, context_ids)
                copied = Copied(matches, followers)
            evidence = None
            if memory.evidence is not None:
                pieces = tf.shape(memory.evidence)[1]
                written_pieces |= tf.one_hot(last, pieces, True, False, dtype=tf.bool)
                evidence = tf.where(written_pieces, 0.0, memory.evidence)
            logits = self.scores(states[:, 0], copied, evidence) + self._never
            return tf.nn.log_softmax(logits), (grown, matches, written_pieces)

        def empty(batch):
            caches = [
                tuple(
                    tf.zeros([batch, x.shape[1], steps, x.shape[3]], x.dtype)
                    for x in given
                )
                for given in memory.layers
            ]
            read = 0 if context_ids is None else tf.shape(context_ids)[1]
            pieces = 0 if memory.evidence is None else tf.shape(memory.evidence)[1]
            return (
                caches, tf.zeros([batch, read], tf.int32),
                tf.zeros([batch, pieces], tf.bool),
            )

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

        No caption holds the same pieces in a row twice, see `NO_REPEAT`.

        Args:
            patch_features, patch_positions: see `models.Networks.joint`.
            max_tokens: length of a caption, [CLS] and [SEP] included.
            beams, length_power: see `decoding.beam_search`.
            context_ids: int32 [batch, any], texts to copy from.

        Returns:
            int32 [batch, max_tokens], as `text.Tokenizer` would give them.
        """
        memory = self._remember(patch_features, patch_positions, beams, context_ids)
        step, empty = self._stepper(memory, max_tokens - 1)
        batch = tf.shape(patch_features)[0]
        tokens, _, _ = beam_search(
            step, empty(batch), batch, self._begin, self._end, max_tokens - 1,
            beams, length_power, no_repeat=self._no_repeat,
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
            seed, nucleus, no_repeat=self._no_repeat,
        )
        return self._closed(tokens)

    def _closed(self, tokens: tf.Tensor) -> tf.Tensor:
        closed = close_caption(tokens, self._begin, self._end, self._padding)
        return tf.cast(tf.gather(self._ids, closed), tf.int32)
