"""Attention-based alignment generator (AAG, paper section 3.2): words and patches.

A method gives tokens heat maps over the locked object; here a map's hot region
chooses, on each of the levels 3, 4 and 5, the patch that it overlaps most.

Methods:
- `generated` (the paper's): the captioner describes the picture; a word of the
  raw text that its caption has, too, takes the map with which it was written.
- `teacher_forced`: the captioner reads the raw text; every word has a map.
- `grounded`: the word-cell similarities of `grounding.py`; a word that the network
  has not learnt, or whose hot region is larger than a patch of level 3, has no map.
"""

from __future__ import annotations

import unicodedata
from typing import Tuple

import numpy as np
import tensorflow as tf

from kaleido.grid_features import GRID
from kaleido.masking import ALIGNED_LEVELS, word_indices
from kaleido.patches import level_overlaps
from kaleido.text import Vocabulary

METHODS = ("generated", "teacher_forced", "grounded", "none")

# Cells at least this hot, as a share of the map's maximum, are its hot region.
HOT_SHARE = 0.5

# A hot region that no patch of the coarsest aligned level could hold, by this share
# of the cells, does not say where its word is.
MAX_HOT_CELLS = 1.0 / min(ALIGNED_LEVELS) ** 2

# Words that no region of a picture shows: they bind other words together.
STOP_WORDS = frozenset(
    """a about above after all also am an and any are as at be because been before
    being below between both but by can could did do does doing down during each
    few for from further had has have having he her here hers him his how i if in
    into is it its itself just me more most my no nor not now of off on once only
    or other our out over own same she should so some such than that the their
    them then there these they this those through to too under until up very was
    we were what when where which while who whom why will with would you your""".split()
)


def visible_pieces(vocabulary: Vocabulary) -> np.ndarray:
    """Says which word pieces can stand for something in a picture.

    Left out are reserved pieces, punctuation, numbers, single letters of alphabets
    with capitals, and `STOP_WORDS`: a rule of the language alone, so that it holds for
    every catalogue in English. Of other languages no stop words are known; where
    letters have no case, as in Chinese, a single one can be a word.
    A word that nothing shows ("imported") keeps its map, which is arbitrary: which
    words those are only a catalogue's own pictures could tell.

    Returns:
        bool [vocab_size]. A word can be aligned if one of its pieces can be seen.
    """

    def visible(piece: str) -> bool:
        bare = piece[2:] if piece.startswith("##") else piece
        letters = [c for c in bare if unicodedata.category(c)[0] == "L"]
        # Vowel signs, as of Hindi, are marks, not letters.
        marks = [c for c in bare if unicodedata.category(c)[0] == "M"]
        if not letters or len(letters) + len(marks) < len(bare):
            return False
        has_case = letters[0].lower() != letters[0].upper()
        return (len(letters) > 1 or not has_case) and bare not in STOP_WORDS

    pieces = np.array([visible(piece) for piece in vocabulary.pieces])
    return pieces & ~vocabulary.is_special


def same_word(token_ids: tf.Tensor, is_continuation: tf.Tensor) -> tf.Tensor:
    """Says which tokens belong to one word, bool [batch, length, length].

    Args:
        token_ids: int32 [batch, length].
        is_continuation: bool [vocab_size].
    """
    words = word_indices(token_ids, is_continuation)
    return tf.equal(words[:, :, None], words[:, None])


def word_keys(token_ids: tf.Tensor, is_continuation: tf.Tensor) -> tf.Tensor:
    """Returns int64 [batch, length]: a hash of the whole word of each token."""
    together = same_word(token_ids, is_continuation)
    length = tf.shape(token_ids)[1]
    positions = tf.range(length)
    first = tf.reduce_min(tf.where(together, positions, length), axis=2)
    place = tf.cast(positions - first, tf.int64)
    # A polynomial of the pieces, modulo 2^64; the base is a large odd number.
    base = tf.constant(6364136223846793005, tf.int64)
    powers = tf.math.cumprod(tf.fill([length], base))
    terms = tf.cast(token_ids + 1, tf.int64) * tf.gather(powers, place)
    return tf.reduce_sum(tf.where(together, terms[:, None], 0), axis=2)


def share_by_word(
    maps: tf.Tensor, token_ids: tf.Tensor, is_continuation: tf.Tensor
) -> tf.Tensor:
    """Gives all pieces of a word the mean of their maps.

    Args:
        maps: float32 [batch, length, GRID, GRID].
        token_ids, is_continuation: as in `same_word`.
    """
    together = tf.cast(same_word(token_ids, is_continuation), tf.float32)
    weights = together / tf.reduce_sum(together, axis=2, keepdims=True)
    shape = tf.shape(maps)
    flat = tf.matmul(weights, tf.reshape(maps, [shape[0], shape[1], -1]))
    return tf.reshape(flat, shape)


def take_generated_maps(
    token_ids: tf.Tensor,
    caption_ids: tf.Tensor,
    caption_maps: tf.Tensor,
    is_continuation: tf.Tensor,
) -> Tuple[tf.Tensor, tf.Tensor]:
    """Gives raw words the maps of the same words of a generated caption.

    Whole words are compared: "gold" does not take the map of "golden". A word
    that the caption has more than once takes the first map.

    Args:
        token_ids: int32 [batch, length], the raw text.
        caption_ids: int32 [batch, caption_length].
        caption_maps: float32 [batch, caption_length, GRID, GRID], of
            `share_by_word`.
        is_continuation: bool [vocab_size].

    Returns:
        float32 [batch, length, GRID, GRID], zero where there is none, and bool
        [batch, length].
    """
    same = tf.equal(
        word_keys(token_ids, is_continuation)[:, :, None],
        word_keys(caption_ids, is_continuation)[:, None],
    )
    found = tf.reduce_any(same, axis=2)
    first = tf.argmax(tf.cast(same, tf.int32), axis=2)
    maps = tf.gather(caption_maps, first, batch_dims=1)
    return maps * tf.cast(found, tf.float32)[..., None, None], found


def hot_cells(maps: tf.Tensor) -> tf.Tensor:
    """Marks the cells of each map's hot region.

    Args:
        maps: float32 [..., GRID, GRID], not negative.

    Returns:
        bool [..., GRID, GRID]; none where a map is zero.
    """
    hottest = tf.reduce_max(maps, axis=(-2, -1), keepdims=True)
    return tf.logical_and(maps >= HOT_SHARE * hottest, maps > 0)


def points_somewhere(maps: tf.Tensor) -> tf.Tensor:
    """Says whose hot region is small enough to be aligned, `MAX_HOT_CELLS`.

    Args:
        maps: float32 [batch, length, GRID, GRID], not negative.

    Returns:
        bool [batch, length].
    """
    share = tf.reduce_mean(tf.cast(hot_cells(maps), tf.float32), axis=(-2, -1))
    return share <= MAX_HOT_CELLS


def best_patches(
    maps: tf.Tensor, has_map: tf.Tensor
) -> Tuple[tf.Tensor, tf.Tensor]:
    """Chooses the patch of each level that a map's hot region overlaps most.

    Equal overlaps, as of a region that covers several patches, are decided by
    the heat in them.

    Args:
        maps: float32 [batch, length, GRID, GRID], not negative.
        has_map: bool [batch, length].

    Returns:
        Indices within their level int32 [batch, length, 3], -1 without a map; and
        scores float32 [batch, length, 3], the share of the map's heat that lies
        in the patch, 0 without a map.
    """
    shape = tf.shape(maps)
    flat = tf.reshape(maps, [shape[0], shape[1], GRID * GRID])
    hottest = tf.reduce_max(flat, axis=-1, keepdims=True)
    heat = tf.math.divide_no_nan(flat, tf.reduce_sum(flat, axis=-1, keepdims=True))
    hot = tf.reshape(tf.cast(hot_cells(maps), tf.float32), tf.shape(flat))
    chosen, scores = [], []
    for level in ALIGNED_LEVELS:
        overlaps = tf.constant(level_overlaps(GRID, level))
        area, inside = hot @ overlaps, heat @ overlaps
        # Areas are sums of a few shares of cells; the heat, below 1, only decides
        # between equal ones.
        best = tf.argmax(tf.round(area * 1e3) + inside, axis=-1, output_type=tf.int32)
        chosen.append(best)
        scores.append(tf.gather(inside, best, batch_dims=2))
    has = tf.logical_and(has_map, hottest[..., 0] > 0)[..., None]
    return (
        tf.where(has, tf.stack(chosen, axis=-1), -1),
        tf.where(has, tf.stack(scores, axis=-1), 0.0),
    )
