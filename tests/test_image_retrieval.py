"""Image to image: the first right picture's rank, by hand."""

import numpy as np
import pytest

from kaleido import image_retrieval
from kaleido.image_retrieval import image_ranks, image_to_image


def at(*degrees):
    """Unit vectors; the nearer two angles, the higher the score."""
    radians = np.deg2rad(np.array(degrees, np.float32))
    return np.stack([np.cos(radians), np.sin(radians)], axis=1)


def test_ranks_by_hand():
    # Of product 1: 0, 40 and 90 degrees. Between 0 and 40 stands one wrong picture, and
    # between 40 and 90 another.
    vectors = at(0, 40, 90, 15, 60)
    products, pictures = np.array([1, 1, 1, 2, 3]), np.arange(5)
    # 0: 15 before 40. 40: 60 and 15 before 0. 90: 60 before 40. The others are alone.
    ranks = image_ranks(vectors, np.arange(5), products, pictures)
    assert ranks.tolist() == [2, 3, 2]
    assert image_to_image(vectors, np.arange(5), products, pictures) == {
        "queries": 3, "rank_at_1": 0.0, "rank_at_5": 1.0, "rank_at_10": 1.0,
        "median_rank": 2.0,
    }


def test_ties_count_against_us():
    vectors = np.ones((6, 2), np.float32)
    products = np.array([1, 1, 2, 3, 4, 5])
    ranks = image_ranks(vectors, np.array([0]), products, np.arange(6))
    assert ranks.tolist() == [5]


def test_copies_are_neither_right_nor_wrong():
    # A second row of the query's own picture is no find; a copy of the right picture
    # under another product is no mistake.
    vectors = at(0, 0, 30, 30, 20)
    products = np.array([1, 1, 1, 2, 3])
    pictures = np.array([7, 7, 8, 8, 9])
    ranks = image_ranks(vectors, np.array([0]), products, pictures)
    assert ranks.tolist() == [2]
    # With nothing but its copy a picture asks for nothing.
    alone = image_to_image(at(0, 0, 5), np.arange(3), np.array([1, 1, 2]),
                           np.array([7, 7, 8]))
    assert alone == {"queries": 0}


@pytest.mark.parametrize("block", [3, 1024])
def test_only_queries_are_asked_and_blocks_do_not_show(monkeypatch, block):
    monkeypatch.setattr(image_retrieval, "_BLOCK", block)
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(40, 5)).astype(np.float32)
    products, pictures = np.arange(40) // 3, np.arange(40)
    queries = np.array([0, 5, 11, 12, 30, 39])
    expected = []
    for row in queries[:-1]:  # 39 is alone
        others = [c for c in range(40) if c != row]
        order = sorted(others, key=lambda c: -float(vectors[row] @ vectors[c]))
        found = [products[c] == products[row] for c in order]
        expected.append(1 + found.index(True))
    assert image_ranks(vectors, queries, products, pictures).tolist() == expected
