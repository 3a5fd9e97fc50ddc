"""Mined wrong texts: who they are, and what they bring along."""

import numpy as np
import pytest
import tensorflow as tf

from kaleido import input_pipeline, negatives, pair_training
from tests import tiny_records


@pytest.fixture(scope="module")
def batch(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("records"))
    record_set = tiny_records.write_tiny_records(folder)
    batches = input_pipeline.training_batches(
        record_set, tiny_records.tiny_config(data={"batch_size": 16}), seed=0
    )
    return next(iter(batches))


def keys_of(batch):
    return {name: batch[name].numpy() for name in negatives.PAIR_KEYS}


def is_wrong(batch):
    """bool [n, n]: whether text j is wrong for picture i."""
    keys = keys_of(batch)
    return np.logical_and.reduce([k[:, None] != k[None] for k in keys.values()])


def swapped(batch, share, similarity, among, monkeypatch):
    monkeypatch.setattr(pair_training, "MINED_AMONG", among)
    keys = {k: batch[k] for k in negatives.PAIR_KEYS}
    compared = pair_training.Compared(
        None, tf.constant(similarity, tf.float32), keys, None, None
    )
    return pair_training.swap_mined(batch, compared, share)


def whose_text(batch, result):
    """Row that each text came from: the hidden words tell texts apart."""
    before = np.concatenate([batch[f].numpy() for f in negatives.TEXT_FIELDS], 1)
    after = np.concatenate([result[f].numpy() for f in negatives.TEXT_FIELDS], 1)
    equal = (after[:, None] == before[None]).all(-1)
    assert (equal.sum(1) == 1).all()
    return equal.argmax(1)


@pytest.mark.parametrize("mined", [0.5, 1.0])
def test_mined_texts_are_wrong_ones_and_bring_their_hidden_words(
    batch, mined, monkeypatch
):
    similarity = np.random.default_rng(0).uniform(-1, 1, (16, 16))
    result = swapped(batch, mined, similarity, 3, monkeypatch)
    source, rows = whose_text(batch, result), np.arange(16)
    stays = result["matched"].numpy() > 0.5
    assert (stays == (batch["matched"].numpy() > 0.5)).all() and 0 < stays.sum() < 16
    assert (source[stays] == rows[stays]).all()
    wrong = is_wrong(batch)
    assert wrong[rows[~stays], source[~stays]].all()
    np.testing.assert_allclose(
        result["similarity"], similarity[rows, source], rtol=1e-6
    )
    # Of the texts that are wrong for a picture, its place by similarity.
    place = np.array(
        [
            (similarity[i, wrong[i]] > similarity[i, j]).sum()
            for i, j in zip(rows, source)
        ]
    )
    is_mined = batch["mine_draw"].numpy() < mined
    assert (place[~stays & is_mined] < 3).all()
    if mined < 1.0:
        assert (place[~stays & ~is_mined] >= 3).any()


def test_the_one_most_similar_wrong_text_is_mined(batch, monkeypatch):
    similarity = np.random.default_rng(1).uniform(-1, 1, (16, 16))
    # The own text is the most similar of all, and yet never the wrong one.
    similarity[np.arange(16), np.arange(16)] = 2.0
    result = swapped(batch, 1.0, similarity, 1, monkeypatch)
    expected = np.where(is_wrong(batch), similarity, -np.inf).argmax(1)
    swaps = batch["matched"].numpy() < 0.5
    assert swaps.sum() > 3
    assert (whose_text(batch, result)[swaps] == expected[swaps]).all()


def test_a_pair_finds_its_own_text_and_picture(batch):
    """InfoNCE of the matched rows, against texts and against pictures."""
    rng = np.random.default_rng(2)
    vectors, text, image = (
        x / np.linalg.norm(x, axis=1, keepdims=True)
        for x in rng.normal(size=(3, 16, 5)).astype(np.float32)
    )
    keys = {k: batch[k] for k in negatives.PAIR_KEYS}
    compared = pair_training.Compared(
        None, None, keys, tf.constant(text), tf.constant(image)
    )
    summed = pair_training.fusion_loss(
        tf.constant(vectors), batch, compared, tf.constant(7.0)
    )
    candidates = is_wrong(batch) | np.eye(16, dtype=bool)
    expected, right = 0.0, 0
    matched = np.flatnonzero(batch["matched"].numpy() > 0.5)
    for row in matched:
        for others in (text, image):
            logits = np.where(candidates[row], 7.0 * others @ vectors[row], -np.inf)
            expected += np.log(np.exp(logits).sum()) - logits[row]
            right += logits.argmax() == row
    assert 0 < len(matched) < 16
    assert float(summed.count) == 2 * len(matched)
    assert float(summed.correct) == right
    np.testing.assert_allclose(float(summed.loss), expected, rtol=1e-4)


def test_a_batch_of_one_product_has_nothing_to_swap(batch, monkeypatch):
    one = {**batch, "product_key": tf.zeros(16, tf.int64)}
    result = swapped(one, 1.0, np.zeros((16, 16)), 3, monkeypatch)
    assert (result["matched"].numpy() == 1.0).all()
    for field in negatives.TEXT_FIELDS:
        assert (result[field].numpy() == batch[field].numpy()).all()
