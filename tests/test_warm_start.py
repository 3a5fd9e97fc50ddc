"""Closed-form starting weights do what their formula says."""

import numpy as np
import pytest
import tensorflow as tf

from kaleido import input_pipeline, ridge_map, warm_start
from kaleido.files import read_json
from kaleido.layers import contrastive
from kaleido.lexical_map import WordMap, fit_word_basis
from kaleido.models import networks_for
from tests import tiny_records
from tests.ridge_fits import fit_ridge_map


@pytest.fixture(scope="module")
def record_set(tmp_path_factory):
    return tiny_records.write_tiny_records(
        str(tmp_path_factory.mktemp("records")), train=60, validation=20
    )


@pytest.fixture
def networks(record_set):
    tf.keras.utils.set_random_seed(0)
    config = tiny_records.tiny_config()
    networks = networks_for(config, tiny_records.tiny_spec())
    warm_start.apply_feature_norm(networks, record_set, config)
    return networks


def test_the_untrained_vectors_are_the_maps(record_set, networks):
    config = tiny_records.tiny_config()
    levels = config.model.shortcut_levels
    features, states, token_ids = warm_start.ridge_inputs(
        networks, record_set, config, "train", levels
    )
    assert features.shape == (60, len(levels) * tiny_records.FEATURE_SIZE)
    np.testing.assert_allclose(np.linalg.norm(states, axis=1), 1.0, atol=1e-5)
    ridge = fit_ridge_map(features, states, 0.1)
    warm_start.apply_ridge_map(networks, ridge)
    special = record_set.vocabulary.is_special
    basis = fit_word_basis(token_ids, special, config.model.word_size)
    of_words = fit_ridge_map(features, basis.vectors(token_ids), 0.1, 0.25)
    warm_start.apply_word_map(networks, WordMap(basis, of_words))
    batch = next(
        iter(input_pipeline.clean_batches(record_set, config, "train", 8))
    )
    image = networks.image(
        {
            "patch_features": tf.cast(batch["patch_features"], tf.float32),
            "patch_positions": batch["patch_positions"],
        }
    )
    text = networks.text({"token_ids": batch["token_ids"]})
    features, states, words = features[:8], states[:8], basis.vectors(token_ids[:8])
    pairs = (
        (image, ridge.image_vectors(features), of_words.image_vectors(features)),
        (text, ridge.text_vectors(states), of_words.text_vectors(words)),
    )
    for received, sentences, words in pairs:
        share = np.sqrt([1 - contrastive.WORD_SHARE, contrastive.WORD_SHARE])
        expected = [share[0] * sentences, share[1] * words]
        np.testing.assert_allclose(received, np.concatenate(expected, 1), atol=1e-4)
        np.testing.assert_allclose(np.linalg.norm(received, axis=1), 1.0, atol=1e-4)


def test_a_folders_maps_are_those_that_were_fitted(record_set, networks, tmp_path):
    config = tiny_records.tiny_config()
    fitted = warm_start.fit_or_load(networks, config, record_set, str(tmp_path))
    chosen = read_json(str(tmp_path / "ridge_map.json"))
    assert chosen["words"]["penalty"] in ridge_map.PENALTIES
    again = warm_start.fit_or_load(networks, config, record_set, str(tmp_path))
    for one, other in ((fitted.ridge, again.ridge),
                       (fitted.words.ridge, again.words.ridge),
                       (fitted.words.basis, again.words.basis)):
        for name, value in vars(one).items():
            np.testing.assert_array_equal(value, getattr(other, name))
    # A run without words does not ask for their map.
    plain = tiny_records.tiny_config(model={"word_size": 0})
    found = warm_start.fit_or_load(networks, plain, record_set, str(tmp_path))
    assert found.words is None


def test_features_get_zero_mean_and_unit_variance(record_set, networks):
    batches = input_pipeline.clean_batches(
        record_set, tiny_records.tiny_config(), "train", 60
    )
    features = next(iter(batches))["patch_features"]
    normed = networks.patch_embedding.feature_norm(features).numpy()
    normed = normed.reshape(-1, normed.shape[-1])
    np.testing.assert_allclose(normed.mean(0), 0.0, atol=1e-3)
    deviation = tf.cast(features, tf.float32).numpy().std((0, 1))
    alive = deviation > 1e-3
    assert alive.any()
    np.testing.assert_allclose(normed.std(0)[alive], 1.0, atol=1e-3)


def test_heads_begin_as_ridge_regressions(record_set, networks, monkeypatch):
    config = tiny_records.tiny_config()
    monkeypatch.setattr(warm_start, "_FITTED_PICTURES", 96)
    warm_start.apply_feature_heads(networks, record_set, config)
    batches = input_pipeline.training_batches(record_set, config, seed=0)
    batches = list(batches.take(96 // config.data.batch_size))
    inputs = {k: v for k, v in networks.joint.input.items() if k != "similarity"}
    for task in ("grey", "blank"):
        head = networks.joint.get_layer(task)
        model = tf.keras.Model(inputs, head.input)
        x = np.concatenate([model({k: b[k] for k in inputs}) for b in batches])
        y = np.concatenate([b[f"{task}_targets"] for b in batches])
        x, y = (v.reshape(-1, v.shape[-1]).astype(np.float64) for v in (x, y))
        # Least squares with a row more for each weight that is to stay small.
        penalty = 0.01 * (x**2).sum() / x.shape[1]
        rows = np.concatenate([x, np.sqrt(penalty) * np.eye(x.shape[1])])
        zeros = np.zeros((x.shape[1], y.shape[1]))
        expected = np.linalg.lstsq(rows, np.concatenate([y, zeros]), rcond=None)[0]
        np.testing.assert_allclose(head.kernel, expected, atol=2e-3)


def test_a_piece_is_expected_as_often_as_it_occurs(record_set, networks):
    warm_start.apply_piece_frequencies(networks, record_set)
    shares = np.exp(networks.joint.get_layer("mlm_bias").bias.numpy())
    assert shares.sum() == pytest.approx(1.0, abs=1e-4)
    ids = np.concatenate(
        [
            b["token_ids"].ravel()
            for b in input_pipeline.clean_batches(
                record_set, tiny_records.tiny_config(), "train", 16
            ).as_numpy_iterator()
        ]
    )
    counts = np.bincount(ids, minlength=len(tiny_records.VOCABULARY))
    words = [tiny_records.VOCABULARY.ids[w] for w in tiny_records.WORDS]
    expected = (counts[words] + 1) / (counts[words] + 1).sum()
    np.testing.assert_allclose(shares[words] / shares[words].sum(), expected, rtol=1e-4)


def test_a_head_of_another_size_is_refused(networks, record_set):
    rng = np.random.default_rng(0)
    ridge = fit_ridge_map(rng.normal(size=(30, 9)), rng.normal(size=(30, 7)), 1.0)
    with pytest.raises(ValueError, match="contrastive_size.*7.*32"):
        warm_start.apply_ridge_map(networks, ridge)
