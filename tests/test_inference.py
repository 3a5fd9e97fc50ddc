"""Scores of a split, against the networks asked pair by pair."""

import numpy as np
import pytest
import tensorflow as tf

from kaleido import inference
from kaleido.masking import MAX_MASKED_TOKENS
from kaleido.models import networks_for
from kaleido.records import KEY_FIELDS
from tests import tiny_records

ROWS = 11


@pytest.fixture(scope="module")
def config():
    return tiny_records.tiny_config(
        model={"num_layers": 1}, data={"text_lengths": (6, 11)}
    )


@pytest.fixture(scope="module")
def record_set(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("records"))
    return tiny_records.write_tiny_records(folder, train=8, test=ROWS)


@pytest.fixture(scope="module")
def split(record_set, config):
    return inference.load_split(record_set, config, "test")


@pytest.fixture(scope="module")
def networks(config):
    """Weights large enough that a wrong row or a cut word would show."""
    tf.keras.utils.set_random_seed(0)
    networks = networks_for(config, tiny_records.tiny_spec())
    rng = np.random.default_rng(0)
    for model in (networks.joint, networks.text, networks.image):
        model.set_weights(
            [w + rng.normal(0, 0.1, w.shape) for w in model.get_weights()]
        )
    return networks


@pytest.fixture
def scorer(networks, split, config, monkeypatch):
    # The last batch is not full.
    monkeypatch.setattr(inference, "PAIRS_TOGETHER", 8)
    monkeypatch.setattr(inference, "_BATCH", 4)
    return inference.Scorer(networks, split, config.data.text_lengths)


def words(split, row):
    """A text without its padding, [1, length]."""
    ids = split.arrays["token_ids"][row]
    return tf.constant(ids[None, : int((ids != 0).sum())])


def picture(split, row):
    return {
        "patch_features": tf.constant(
            split.arrays["patch_features"][row][None], tf.float32
        ),
        "patch_positions": tf.constant(split.arrays["patch_positions"][row][None]),
    }


def test_a_split_comes_whole_and_in_stored_order(split):
    assert len(split) == ROWS
    assert split.strings["image_id"] == [f"test_{i}" for i in range(ROWS)]
    assert split.arrays["patch_features"].dtype == np.float16
    for row, text in enumerate(split.strings["text"]):
        ids = words(split, row).numpy()[0, 1:-1]
        pieces = tiny_records.VOCABULARY.pieces
        assert " ".join(pieces[i] for i in ids) == text


def test_vectors_are_those_of_the_single_passes(scorer, networks, split):
    images, texts = scorer.vectors()
    for row in range(ROWS):
        text = networks.text({"token_ids": words(split, row)})[0]
        image = networks.image(picture(split, row))[0]
        np.testing.assert_allclose(texts[row], text, atol=1e-5)
        np.testing.assert_allclose(images[row], image, atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(images, axis=1), 1.0, atol=1e-5)


def test_a_bank_is_an_even_choice_of_training_pairs(
    record_set, config, networks, tmp_path
):
    pairs = inference.load_split(record_set, config, "train")
    images, texts = inference.Scorer(
        networks, pairs, config.data.text_lengths
    ).vectors()
    found = inference.bank_vectors(networks, config, record_set, 3)
    np.testing.assert_allclose(found[0], images[::3], atol=1e-5)
    np.testing.assert_allclose(found[1], texts[::3], atol=1e-5)
    untrained = tiny_records.write_tiny_records(str(tmp_path), train=0, test=4)
    assert len(inference.bank_vectors(networks, config, untrained, 3)[0]) == 0


def one_logit(networks, split, image, text):
    pictured, worded = picture(split, image), {"token_ids": words(split, text)}
    inputs = {
        **pictured, **worded,
        "masked_positions": tf.fill([1, MAX_MASKED_TOKENS], -1),
        "grey_indices": tf.constant([[1, 2]]),
        "blank_indices": tf.constant([[1, 2, 3]]),
    }
    if "similarity" in networks.joint.input:
        product = networks.image(pictured) * networks.text(worded)
        inputs["similarity"] = tf.reduce_sum(product, axis=1)
    return float(networks.joint(inputs)["itm"][0])


@pytest.mark.parametrize("pairs", [1, 8, 21])
def test_match_logits_are_those_of_single_pairs_without_padding(
    scorer, networks, split, pairs
):
    rng = np.random.default_rng(pairs)
    images, texts = rng.integers(0, ROWS, (2, pairs))
    received = scorer.match_logits(images, texts)
    expected = [one_logit(networks, split, i, t) for i, t in zip(images, texts)]
    assert received.shape == (pairs,)
    np.testing.assert_allclose(received, expected, rtol=1e-5, atol=1e-5)
    assert pairs == 1 or np.std(expected) > 0.01


def test_texts_are_cut_to_the_least_length_that_holds_them(scorer):
    rows = np.zeros((2, 16), np.int32)
    rows[0, :3] = 5
    assert scorer._embed.trim(rows).shape == (2, 6)
    rows[1, :7] = 5
    assert scorer._embed.trim(rows).shape == (2, 11)
    rows[1, :12] = 5
    assert scorer._embed.trim(rows).shape == (2, 16)


def test_ids_and_keys_are_those_of_the_split(record_set, split):
    found = inference.load_ids_and_keys(record_set, "test")
    assert found["image_ids"] == split.strings["image_id"]
    assert found["subcategories"] == split.strings["subcategory"]
    assert "product_key" in KEY_FIELDS
    for name in ("product", "text", "picture"):
        assert (found[f"{name}_keys"] == split.arrays[f"{name}_key"]).all()
    nothing = inference.load_ids_and_keys(record_set, "nowhere")
    assert set(nothing) == set(found)
    assert not any(len(values) for values in nothing.values())
    assert nothing["text_keys"].dtype == np.int64
