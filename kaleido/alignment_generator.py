"""Runs a trained captioner or grounder over pictures: the AAG in the graph."""

from __future__ import annotations

import os
from typing import Any, Dict, Mapping

import tensorflow as tf

from kaleido import alignment
from kaleido.captioner import Captioner, CaptionerSpec
from kaleido.grid_features import GRID, GridExtractor
from kaleido.grounding import Grounder, GrounderSpec
from kaleido.text import Vocabulary
from kaleido.weights_file import file_fingerprint, load_weights, read_card

CAPTIONER_FILE, GROUNDER_FILE = "captioner.npz", "grounder.npz"


def load_network(path: str, vocabulary: Vocabulary) -> tf.keras.Model:
    """Builds the captioner or grounder of a weights file.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is damaged, is of another version, or was trained with
            another vocabulary.
    """
    card = read_card(path)
    kinds: Mapping[str, Any] = {
        "captioner": (Captioner, CaptionerSpec), "grounder": (Grounder, GrounderSpec),
    }
    if card.get("network") not in kinds:
        raise ValueError(
            f"{path} holds neither a captioner nor a grounder. "
            f"Received: {card.get('network')!r}"
        )
    network_class, spec_class = kinds[card["network"]]
    if not isinstance(card.get("spec"), dict):
        raise ValueError(f"{path} lacks the spec of its network. Received: {card}")
    theirs = card["spec"].get("vocabulary_fingerprint", vocabulary.fingerprint)
    if theirs != vocabulary.fingerprint:
        raise ValueError(
            f"{path} was trained with another vocabulary than these texts have; its "
            "own lies beside it: --vocabulary=FOLDER/vocab.txt. Received: "
            f"{vocabulary.fingerprint}, expected: {theirs}"
        )
    try:
        fields = {**card["spec"], "pieces": tuple(card["spec"]["pieces"])}
        network = network_class(spec_class(**fields), vocabulary)
        network(
            {
                "grid": tf.zeros([1, GRID, GRID, network.spec.channels]),
                "token_ids": tf.zeros([1, 2], tf.int32),
            }
        )
    except (TypeError, KeyError, IndexError) as error:
        raise ValueError(
            f"{path} holds the spec of another version's {card['network']}, or a "
            f"damaged one. Received: {type(error).__name__}: {error}"
        ) from error
    load_weights(network, path)
    return network


def network_path(method: str, folder: str) -> str:
    """Returns the file of the network that a method runs.

    Args:
        method: one of `alignment.METHODS` but `none`.
        folder: of `experiments.train_captioner`.

    Raises:
        ValueError: if there is no such method.
    """
    if method not in alignment.METHODS[:-1]:
        raise ValueError(
            f"`method` must be one of {alignment.METHODS[:-1]}. "
            f"Received: method={method!r}"
        )
    name = GROUNDER_FILE if method == "grounded" else CAPTIONER_FILE
    return os.path.join(folder, name)


def require_network(method: str, folder: str) -> str:
    """Returns what `network_path` does, of a file that is there.

    Raises:
        FileNotFoundError: if the folder does not hold it.
        ValueError: see `network_path`.
    """
    path = network_path(method, folder)
    if not os.path.exists(path):
        grounder = os.path.exists(network_path("grounded", folder))
        hint = " The folder holds a grounder, for the method 'grounded'."
        raise FileNotFoundError(
            f"There is no {path}. Alignments of the method {method!r} need the folder "
            "that `python -m experiments.train_captioner` writes."
            f"{hint if grounder else ''}"
        )
    return path


class AlignmentGenerator:
    """Aligns the words of texts with patches of their pictures.

    Args:
        method, folder: see `network_path`.
        vocabulary: of the texts.

    Attributes:
        fingerprint: of the weights file.
        grid: the `GridExtractor` of crops.
        made_of: catalogue and saliency of its training, as `train_captioner` writes
            them; empty in older files.

    Raises:
        FileNotFoundError, ValueError: see `require_network` and `load_network`.
    """

    def __init__(self, method: str, folder: str, vocabulary: Vocabulary):
        path = require_network(method, folder)
        self.method = method
        self.fingerprint = file_fingerprint(path)
        self.made_of = read_card(path).get("made_of", {})
        self._network = load_network(path, vocabulary)
        self.grid = GridExtractor()
        if self.grid.fingerprint != self._network.spec.backbone_fingerprint:
            raise ValueError(
                f"{path} was trained on another backbone's grids. Received: "
                f"{self.grid.fingerprint}, expected: "
                f"{self._network.spec.backbone_fingerprint}"
            )
        self._is_continuation = tf.constant(vocabulary.is_continuation)
        # The grounder reads a piece that it has not learnt as [UNK]; what that is
        # similar to says nothing of the word.
        self._can_be_seen = (
            self._network.learns if method == "grounded"
            else tf.constant(alignment.visible_pieces(vocabulary))
        )

    def __call__(self, grid: tf.Tensor, token_ids: tf.Tensor) -> Dict[str, tf.Tensor]:
        """Aligns a batch.

        Args:
            grid: float32 [batch, GRID, GRID, channels], of the attribute `grid`.
            token_ids: int32 [batch, length].

        Returns:
            `alignments` int32 and `alignment_scores` float32 [batch, length, 3],
            see `alignment.best_patches`; `alignment_maps` float32 [batch, length,
            GRID, GRID], zero where a token has none. The method `generated` adds its
            caption, `caption_ids` int32 [batch, length], and the map that each of
            its tokens was written with, `caption_maps` float32 [batch, length, GRID,
            GRID].
        """
        maps, has_map, caption = self._maps(grid, token_ids)
        # A word can be seen if one of its pieces can.
        seen = tf.gather(self._can_be_seen, token_ids)
        together = alignment.same_word(token_ids, self._is_continuation)
        seen = tf.reduce_any(tf.logical_and(together, seen[:, None]), axis=2)
        has_map = tf.logical_and(has_map, seen)
        patches, scores = alignment.best_patches(maps, has_map)
        return {
            "alignments": patches,
            "alignment_scores": scores,
            "alignment_maps": maps * tf.cast(has_map, tf.float32)[..., None, None],
            **caption,
        }

    def _maps(self, grid, token_ids):
        def by_word(maps, ids):
            return alignment.share_by_word(maps, ids, self._is_continuation)

        if self.method == "generated":
            captions, maps = self._network.generate(grid, token_ids.shape[1])
            caption = {
                "caption_ids": captions, "caption_maps": by_word(maps, captions),
            }
            maps, found = alignment.take_generated_maps(
                token_ids, captions, caption["caption_maps"], self._is_continuation
            )
            return maps, found, caption
        if self.method == "teacher_forced":
            maps = self._network.maps(grid, token_ids)
            everywhere = tf.ones_like(token_ids, tf.bool)
            return by_word(maps, token_ids), everywhere, {}
        maps = by_word(self._network.maps(grid, token_ids), token_ids)
        return maps, alignment.points_somewhere(maps), {}
