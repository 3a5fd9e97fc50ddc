"""Captions of baselines, by hand."""

import numpy as np
import pytest

from kaleido import caption_baselines
from kaleido.caption_baselines import frequent_captions, nearest_captions


def test_the_direction_says_what_is_near_and_the_first_of_equals_wins():
    train = np.array([[1, 0], [0, 9], [0, 2], [-1, -1]], np.float16)
    captions = ["red hat", "boot", "another boot", "scarf"]
    test = np.array([[100, 1], [0.001, 0.01], [-3, -4], [0, 0]])
    # The zero vector is as far from all.
    assert nearest_captions(train, captions, test) == [
        "red hat", "boot", "scarf", "red hat",
    ]
    assert nearest_captions(train, captions, test[:0]) == []


def test_blocks_change_nothing(monkeypatch):
    rng = np.random.default_rng(0)
    train, test = rng.normal(size=(60, 24)), rng.normal(size=(35, 24))
    # Every picture twice: the copies are as near as the first ones.
    train = np.concatenate([train, 3 * train])
    captions = [f"caption {i}" for i in range(len(train))]
    cosines = (test @ train.T) / np.linalg.norm(train, axis=1)
    expected = [captions[i] for i in cosines[:, :60].argmax(axis=1)]
    assert nearest_captions(train, captions, test) == expected
    monkeypatch.setattr(caption_baselines, "_BLOCK", 4)
    assert nearest_captions(train, captions, test) == expected


def test_a_subcategory_takes_its_commonest_caption_and_a_new_one_that_of_all():
    subcategories = ["boots", "hats", "boots", "boots", "hats", "hats", "scarves"]
    captions = ["Tall boot", "Straw hat", "Black boot.", "black  BOOT", "Red hat",
                "Straw hat!", "straw hat"]
    found = frequent_captions(
        subcategories, captions, ["scarves", "boots", "hats", "gloves"]
    )
    # Written as the sub-category first wrote it.
    assert found == ["straw hat", "Black boot.", "Straw hat", "Straw hat"]


def test_of_equally_frequent_captions_the_first_wins():
    found = frequent_captions(
        ["boots"] * 4, ["low boot", "tall boot", "Tall boot", "Low boot"],
        ["boots", "hats"],
    )
    assert found == ["low boot", "low boot"]


@pytest.mark.parametrize("count", [0, 2])
def test_training_without_captions_is_one_clear_error(count):
    captions = ["a"] * count
    with pytest.raises(ValueError, match=f"Received: {count} captions of 3 pictures"):
        nearest_captions(np.eye(3), captions, np.eye(3))
    with pytest.raises(ValueError, match=f"Received: {count} captions of 3 pictures"):
        frequent_captions(["a"] * 3, captions, ["a"])
