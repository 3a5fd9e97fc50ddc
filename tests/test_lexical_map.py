"""Latent semantic analysis: what counts, and that it is scikit-learn's."""

import numpy as np
from sklearn.feature_extraction.text import TfidfTransformer

from kaleido.lexical_map import fit_word_basis

VOCABULARY = 30
SPECIAL = np.arange(VOCABULARY) < 5


def texts(count=200, seed=0):
    """Texts of two kinds: each kind has words of its own, and all share some."""
    rng = np.random.default_rng(seed)
    ids = np.zeros((count, 12), np.int32)
    kinds = rng.integers(0, 2, count)
    for row, kind in enumerate(kinds):
        own = rng.choice(np.arange(10, 18) + 8 * kind, 4)
        shared = rng.choice(np.arange(5, 10), 3)
        words = [2, *own, *shared, 3]
        ids[row, : len(words)] = words
    return ids, kinds


def test_texts_of_a_kind_are_alike():
    ids, kinds = texts()
    vectors = fit_word_basis(ids, SPECIAL, 6).vectors(ids)
    vectors = vectors - vectors.mean(0)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = vectors @ vectors.T
    same = kinds[:, None] == kinds[None]
    assert cosines[same].mean() > 0.3 and cosines[~same].mean() < -0.3


def test_a_full_basis_keeps_the_cosines_of_weighted_sets():
    ids, _ = texts(60)
    # As many dimensions as there are pieces: nothing is lost.
    vectors = fit_word_basis(ids, SPECIAL, VOCABULARY).vectors(ids)
    sets = np.zeros((60, VOCABULARY))
    for row, pieces in enumerate(ids):
        sets[row, pieces] = 1.0
    sets[:, SPECIAL] = 0.0
    counts = sets.sum(0)
    with np.errstate(divide="ignore"):
        weights = np.where(counts >= 2, np.sqrt(np.log(60 / counts)), 0.0)
    weighted = sets * weights
    weighted /= np.linalg.norm(weighted, axis=1, keepdims=True)
    # One dimension goes: the decomposition wants fewer than there are pieces.
    np.testing.assert_allclose(vectors @ vectors.T, weighted @ weighted.T, atol=0.03)
    # Independent: scikit-learn's inverse document frequency, squared.
    idf = TfidfTransformer(smooth_idf=False).fit(sets[:, counts >= 2]).idf_ - 1.0
    np.testing.assert_allclose(weights[counts >= 2] ** 2, idf, atol=1e-6)


def test_special_and_lonely_pieces_do_not_count():
    ids, _ = texts()
    ids[0, 10] = 29
    basis = fit_word_basis(ids, SPECIAL, 6)
    assert not basis.table[SPECIAL].any() and not basis.squares[SPECIAL].any()
    # Of kind 1's words 18 to 25 are used; 29 has one text, 28 none.
    assert not basis.table[[28, 29]].any() and basis.table[20].any()
    assert not basis.vectors(np.array([[2, 3, 29, 0]])).any()


def test_a_small_catalogue_fills_what_it_can():
    ids, _ = texts(6)
    basis = fit_word_basis(ids, SPECIAL, 64)
    assert basis.table.shape == (VOCABULARY, 64)
    used = np.abs(basis.table).sum(0) > 0
    assert 1 < used.sum() < 6 and not used[5:].any()
    nothing = fit_word_basis(np.zeros((1, 4), np.int32), SPECIAL, 8)
    assert not nothing.table.any()


def test_the_same_seed_gives_the_same_basis():
    ids, _ = texts()
    one, same, other = (fit_word_basis(ids, SPECIAL, 4, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.table, same.table)
    # Another seed finds the same space.
    mine, theirs = one.vectors(ids), other.vectors(ids)
    np.testing.assert_allclose(mine @ mine.T, theirs @ theirs.T, atol=0.05)
