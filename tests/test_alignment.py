"""Maps become patches by overlap; words share maps; captions give whole words."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from kaleido import alignment
from kaleido.grid_features import GRID
from kaleido.text import RESERVED, Vocabulary

VOCABULARY = Vocabulary(
    (*RESERVED, "gold", "##en", "button", "the", "v", "a1", "##s", "-", "pink")
)
PAD, UNK, CLS, SEP, MASK, GOLD, EN, BUTTON, THE, V, A1, S, DASH, PINK = range(14)
CONTINUATION = tf.constant(VOCABULARY.is_continuation)


def box_map(x1, y1, x2, y2, heat=1.0):
    """A map with a hot rectangle, in cells."""
    found = np.zeros((GRID, GRID), np.float32)
    found[y1:y2, x1:x2] = heat
    return found


def best(*maps, has=None):
    maps = np.stack(maps)[None]
    has = np.ones(maps.shape[:2], bool) if has is None else np.array([has])
    patches, scores = alignment.best_patches(tf.constant(maps), tf.constant(has))
    return patches.numpy()[0], scores.numpy()[0]


def test_a_hot_corner_takes_the_corner_patches():
    patches, scores = best(
        box_map(0, 0, 2, 2), box_map(12, 0, 14, 2), box_map(0, 12, 2, 14),
        box_map(12, 12, 14, 14), box_map(6, 6, 8, 8),
    )
    assert patches[:4].tolist() == [[0, 0, 0], [2, 3, 4], [6, 12, 20], [8, 15, 24]]
    np.testing.assert_allclose(scores[:4], 1.0, atol=1e-6)
    # The middle of level 4 lies on four patches: a quarter of the heat in each.
    assert patches[4, 0] == 4 and patches[4, 2] == 12
    np.testing.assert_allclose(scores[4], [1.0, 0.25, 1.0], atol=1e-6)


@given(
    x=st.integers(0, GRID - 1), y=st.integers(0, GRID - 1), level=st.integers(0, 2)
)
def test_one_hot_cell_takes_the_patch_that_holds_its_centre(x, y, level):
    patches, _ = best(box_map(x, y, x + 1, y + 1))
    n = (3, 4, 5)[level]
    column, row = int((x + 0.5) * n / GRID), int((y + 0.5) * n / GRID)
    # A centre on the line between two patches may go to either.
    on_line = any(abs((v + 0.5) * n / GRID % 1) < 1e-9 for v in (x, y))
    assert on_line or patches[0, level] == row * n + column


def test_only_the_hot_region_counts():
    # Much lukewarm heat on the right, a small hot spot on the left.
    found = box_map(8, 0, 14, 14, 0.4) + box_map(0, 0, 2, 2, 1.0)
    assert best(found)[0].tolist() == [[0, 0, 0]]


def test_heat_decides_between_equal_overlaps():
    # The hot region covers all; the heat lies bottom right.
    found = np.full((GRID, GRID), 0.6, np.float32) + box_map(12, 12, 14, 14, 0.4)
    assert best(found)[0][0, 2] == 24


def test_no_map_no_patch():
    some = box_map(0, 0, 2, 2)
    patches, scores = best(some, some, np.zeros_like(some), has=[True, False, True])
    assert patches.tolist() == [[0, 0, 0], [-1, -1, -1], [-1, -1, -1]]
    assert (scores[1:] == 0).all()


def test_pieces_of_a_word_share_the_mean_of_their_maps():
    ids = tf.constant([[CLS, GOLD, EN, BUTTON, SEP, PAD]])
    maps = np.stack([np.full((GRID, GRID), k, np.float32) for k in range(6)])[None]
    shared = alignment.share_by_word(tf.constant(maps), ids, CONTINUATION).numpy()
    assert shared[0, :, 0, 0].tolist() == [0.0, 1.5, 1.5, 3.0, 4.0, 5.0]


def test_generated_words_match_whole_words_only():
    raw = tf.constant([[CLS, GOLD, BUTTON, GOLD, EN, PINK, SEP, PAD, PAD]])
    caption = tf.constant([[CLS, GOLD, EN, BUTTON, BUTTON, SEP, PAD, PAD, PAD]])
    maps = np.stack(
        [box_map(k, 0, k + 1, 1) for k in range(9)]
    )[None]
    maps[:, 2] = maps[:, 1]
    taken, found = alignment.take_generated_maps(
        raw, caption, tf.constant(maps), CONTINUATION
    )
    # "gold" is not "golden"; of two buttons the first counts; pink is not there.
    assert found.numpy()[0, :6].tolist() == [True, False, True, True, True, False]
    hot = taken.numpy()[0, :, 0].argmax(-1)
    assert hot[2] == 3 and hot[3] == hot[4] == 1
    assert (taken.numpy()[0, 1] == 0).all()


def test_an_empty_caption_aligns_nothing_but_its_own_marks():
    raw = tf.constant([[CLS, GOLD, BUTTON, SEP]])
    caption = tf.constant([[CLS, SEP, PAD, PAD]])
    maps = tf.ones([1, 4, GRID, GRID])
    _, found = alignment.take_generated_maps(raw, caption, maps, CONTINUATION)
    assert found.numpy()[0, 1:3].tolist() == [False, False]


def test_words_that_no_picture_shows_are_left_out():
    seen = alignment.visible_pieces(VOCABULARY)
    shown = {VOCABULARY.pieces[i] for i in np.flatnonzero(seen)}
    assert shown == {"gold", "##en", "button", "pink"}


def test_single_letters_are_words_where_letters_have_no_case():
    words = ("红", "##裙", "ワンピース", "की", "साड़ी", "ø", "ø\u0301", "øre", "и")
    others = ("、", "３", "红3", "्", "。")
    vocabulary = Vocabulary((*RESERVED, *words, *others))
    seen = alignment.visible_pieces(vocabulary)
    shown = {vocabulary.pieces[i] for i in np.flatnonzero(seen)}
    assert shown == {"红", "##裙", "ワンピース", "की", "साड़ी", "øre"}


@pytest.mark.parametrize("reserved", RESERVED)
def test_reserved_pieces_are_never_visible(reserved):
    assert not alignment.visible_pieces(VOCABULARY)[VOCABULARY.ids[reserved]]


def test_a_hot_region_larger_than_a_patch_of_level_3_points_nowhere():
    # 14 x 14 / 9 = 21.8 cells; what is lukewarm does not count.
    maps = np.stack(
        [
            box_map(0, 0, 7, 3),
            box_map(0, 0, 11, 2),
            box_map(0, 0, 14, 14, 0.4) + box_map(3, 3, 5, 5, 0.6),
            np.full((GRID, GRID), 0.2, np.float32),
        ]
    )
    found = alignment.points_somewhere(tf.constant(maps[None]))[0]
    assert found.numpy().tolist() == [True, False, True, False]
