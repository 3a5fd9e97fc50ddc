"""One network, three passes: what sees what, and where each head looks."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from kaleido import presets, pretraining
from kaleido.layers.encoder import AttentionBias
from kaleido.models import build_networks, networks_for
from kaleido.patches import LAYOUTS, level_overlaps
from tests import tiny_records
from tests.fake_records import SPEC

LAYOUT = LAYOUTS["kaleido"]
VOCABULARY, FEATURES, WORDS = 30, 6, 7


def build(layout=LAYOUT, seed=0, **options):
    """A tiny model with weights large enough that everything matters."""
    config = dataclasses.replace(presets.preset("tiny").model, **options)
    # The same whatever ran before in this process.
    tf.keras.utils.set_random_seed(seed)
    networks = build_networks(config, layout, VOCABULARY, FEATURES)
    rng = np.random.default_rng(seed)
    for model in (networks.joint, networks.text, networks.image):
        model.set_weights(
            [w + rng.normal(0, 0.1, w.shape) for w in model.get_weights()]
        )
    return networks


@pytest.fixture(scope="module")
def networks():
    return build()


def inputs(batch=3, length=WORDS, seed=0):
    rng = np.random.default_rng(seed)
    return {
        "token_ids": rng.integers(5, VOCABULARY, (batch, length)).astype(np.int32),
        "patch_features": rng.normal(size=(batch, 55, FEATURES)).astype(np.float32),
        "patch_positions": rng.random((batch, 55, 5)).astype(np.float32),
        "masked_positions": np.tile(np.int32([2, 4, -1]), (batch, 1)),
        "grey_indices": np.tile(np.int32([3, 11]), (batch, 1)),
        "blank_indices": np.tile(np.int32([0, 7, 24]), (batch, 1)),
        "similarity": np.linspace(-0.5, 0.9, batch).astype(np.float32),
    }


def close(one, other, atol=1e-5):
    np.testing.assert_allclose(one, other, atol=atol)


# Padding


def test_padding_changes_nothing(networks):
    batch = inputs()
    batch["token_ids"][1, 5:] = 0
    longer = {**batch, "token_ids": np.pad(batch["token_ids"], ((0, 0), (0, 6)))}
    one, other = networks.joint(batch), networks.joint(longer)
    assert set(one) == set(other)
    for task in set(one) - {"states"}:
        close(one[task], other[task])
    close(one["states"][:, WORDS:], other["states"][:, WORDS + 6 :])
    close(one["states"][:, :5], other["states"][:, :5])
    close(
        networks.text({"token_ids": batch["token_ids"]}),
        networks.text({"token_ids": longer["token_ids"]}),
    )


def test_a_pair_does_not_depend_on_its_batch(networks):
    batch = inputs()
    alone = networks.joint({name: value[1:2] for name, value in batch.items()})
    together = networks.joint(batch)
    for task, value in alone.items():
        close(value[0], together[task][1])


# Heads


def states_of(batch, networks):
    """Final joint states, by layers: text before patches, all see all."""
    states = tf.concat(
        [
            networks.text_embedding(batch["token_ids"]),
            networks.patch_embedding(batch["patch_features"], batch["patch_positions"]),
        ],
        axis=1,
    )
    visible = np.concatenate(
        [batch["token_ids"] != 0, np.ones((len(states), 55), bool)], axis=1
    )
    for layer in networks.encoder_layers:
        states = layer(states, AttentionBias()(tf.constant(visible)))
    return states.numpy()


def test_every_head_looks_at_its_own_states(networks):
    batch = inputs()
    batch["token_ids"][1, 5:] = 0
    outputs = {k: v.numpy() for k, v in networks.joint(batch).items()}
    states = states_of(batch, networks)
    close(outputs["states"], states)
    patches = states[:, WORDS:]

    def layer(name):
        return networks.joint.get_layer(name)

    mean = patches.mean(1)
    for task, level, *more in (("rotation", 1), ("jigsaw", 2), ("camouflage", 3, mean)):
        chosen = patches[:, list(LAYOUT.patches(level))]
        close(outputs[task], layer(task)(chosen, *more))
    for task, level in (("grey", 4), ("blank", 5)):
        kernel = layer(task).kernel.numpy()
        assert layer(task).bias is None
        chosen = patches[:, list(LAYOUT.patches(level))]
        if task == "blank":
            overlaps = level_overlaps(5, 4)
            chosen = chosen + overlaps @ patches[:, list(LAYOUT.patches(4))]
        chosen = np.take_along_axis(chosen, batch[f"{task}_indices"][..., None], 1)
        close(outputs[task], chosen @ kernel)
    pooler = layer("pooler")
    pooled = np.tanh(states[:, 0] @ pooler.kernel.numpy() + pooler.bias.numpy())
    close(outputs["pooled"], pooled)
    visible = (batch["token_ids"] != 0)[..., None]
    text_mean = (states[:, :WORDS] * visible).sum(1) / visible.sum(1)
    close(
        outputs["itm"],
        layer("itm")(pooled, text_mean, patches.mean(1), batch["similarity"]),
    )


def test_a_pairs_vector_is_of_the_pooled_state_and_only_where_asked_for(networks):
    outputs = networks.joint(inputs())
    assert outputs["fusion"].shape == (3, 32 + 8)
    close(outputs["fusion"], networks.joint.get_layer("fusion")(outputs["pooled"]))
    assert "fusion" not in build(fusion=False).joint(inputs())


def test_masked_words_are_scored_by_the_embedding_table(networks):
    batch = inputs()
    states = states_of(batch, networks)[:, [2, 4]]
    transformed = networks.joint.get_layer("mlm")(states)
    bias = networks.joint.get_layer("mlm_bias").bias.numpy()
    table = networks.text_embedding.words.numpy()
    close(networks.joint(batch)["mlm"][:, :2], transformed @ table.T + bias)


def test_two_match_units_give_the_difference_of_their_logits():
    networks = build(match_units=2, similarity_path=False)
    batch = inputs()
    del batch["similarity"]
    outputs = networks.joint(batch)
    head = networks.joint.get_layer("itm").output_layer
    logits = outputs["pooled"] @ head.kernel + head.bias
    close(outputs["itm"], logits[:, 1] - logits[:, 0])


def test_the_authors_projection_parts_the_levels():
    """Only a level's own projector touches it (before the encoder mixes)."""
    networks = build(projection="per_level")
    batch = inputs()
    embed = networks.patch_embedding

    def embedded():
        return embed(batch["patch_features"], batch["patch_positions"]).numpy()

    before = embedded()
    for projection, level in zip(embed.projections, LAYOUT.levels):
        kernel = projection.kernel.numpy()
        projection.kernel.assign(kernel[::-1])
        changed = np.abs(embedded() - before).max((0, 2)) > 1e-3
        projection.kernel.assign(kernel)
        assert np.flatnonzero(changed).tolist() == list(LAYOUT.patches(level))


def test_the_grid_layout_rebuilds_its_blank_patches():
    networks = build(LAYOUTS["grid8"], shortcut_levels=(), word_size=0)
    rng = np.random.default_rng(0)
    batch = {
        **inputs(),
        "patch_features": rng.normal(size=(3, 64, FEATURES)).astype(np.float32),
        "patch_positions": rng.random((3, 64, 5)).astype(np.float32),
        "blank_indices": np.tile(np.int32([0, 9, 20, 30, 40, 63]), (3, 1)),
    }
    outputs = networks.joint({name: batch[name] for name in networks.joint.input})
    assert set(outputs) == {"states", "pooled", "mlm", "itm", "fusion", "blank"}
    chosen = outputs["states"].numpy()[:, WORDS:][:, [0, 9, 20, 30, 40, 63]]
    close(outputs["blank"], chosen @ networks.joint.get_layer("blank").kernel.numpy())


# Single-modality passes


def test_the_image_pass_sees_no_text_and_takes_the_shortcut(networks):
    batch = inputs()
    states = networks.patch_embedding(batch["patch_features"], batch["patch_positions"])
    for layer in networks.encoder_layers:
        states = layer(states, tf.zeros([1, 1, 1, 1]))
    levels = presets.preset("tiny").model.shortcut_levels
    normed = networks.patch_embedding.feature_norm(batch["patch_features"]).numpy()
    means = np.concatenate(
        [normed[:, list(LAYOUT.patches(n))].mean(1) for n in levels], 1
    )
    expected = networks.contrastive(tf.reduce_mean(states, axis=1), means)
    image = {k: batch[k] for k in ("patch_features", "patch_positions")}
    vectors = networks.image(image).numpy()
    close(vectors, expected)
    close(np.linalg.norm(vectors, axis=1), 1)


def test_the_text_pass_is_the_mean_of_its_states(networks):
    ids = inputs()["token_ids"]
    ids[1, 4:] = 0
    states = networks.text_embedding(ids)
    for layer in networks.encoder_layers:
        states = layer(states, AttentionBias()(tf.constant(ids != 0)))
    visible = (ids != 0)[..., None]
    mean = (states * visible).numpy().sum(1) / visible.sum(1)
    words = {"token_ids": ids, "seen": ids != 0}
    expected = networks.contrastive(mean, is_text=True, **words)
    close(networks.text({"token_ids": ids}), expected)


def test_the_passes_share_one_encoder(networks):
    joint, text, image = (
        {id(w) for w in model.weights}
        for model in (networks.joint, networks.text, networks.image)
    )
    shared = {id(w) for layer in networks.encoder_layers for w in layer.weights}
    assert shared and shared <= joint and shared <= text and shared <= image
    # One temperature for both directions.
    assert {id(w) for w in networks.contrastive.weights} <= text & image


def test_positions_matter(networks):
    batch = inputs()
    moved = {**batch, "patch_positions": batch["patch_positions"][:, ::-1]}
    one, other = networks.joint(batch)["itm"], networks.joint(moved)["itm"]
    assert np.abs(one - other).max() > 1e-3


# Precision and errors


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_ends_in_float32_logits_that_agree(networks, policy):
    tf.keras.mixed_precision.set_global_policy(policy)
    try:
        half = build()
    finally:
        tf.keras.mixed_precision.set_global_policy("float32")
    for name in ("joint", "text", "image"):
        getattr(half, name).set_weights(getattr(networks, name).get_weights())
    batch = inputs()
    expected, received = networks.joint(batch), half.joint(batch)
    for task in set(expected) - {"states", "pooled"}:
        assert received[task].dtype == tf.float32
        scale = max(np.abs(expected[task]).max(), 1.0)
        close(received[task], expected[task], atol=0.06 * scale)
    vectors = half.text({"token_ids": batch["token_ids"]})
    assert vectors.dtype == tf.float32
    close(vectors, networks.text({"token_ids": batch["token_ids"]}), atol=0.05)


def test_a_shortcut_to_a_level_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match=r"grid8.*shortcut_levels=\(1, 2\)"):
        build(LAYOUTS["grid8"], shortcut_levels=(1, 2))


def test_records_with_longer_texts_than_the_model_are_refused():
    config = presets.preset("tiny")
    spec = dataclasses.replace(SPEC, max_tokens=65)
    with pytest.raises(ValueError, match="65 pieces.*max_text_positions=64"):
        networks_for(config, spec)
    networks = networks_for(config, SPEC)
    assert networks.text_embedding.words.shape[0] == SPEC.vocab_size
    assert networks.image.input["patch_features"].shape == (None, 55, SPEC.feature_size)


# 20 s: builds six networks, two of BERT's size.
@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(presets.PRESETS))
def test_every_preset_begins_a_run(name, tmp_path, minilm_file):
    layout = "grid8" if name == "fashionbert" else "kaleido"
    spec = tiny_records.tiny_spec(layout=layout)
    records = tiny_records.write_tiny_records(str(tmp_path), 40, 16, spec=spec)
    config = presets.preset(name)
    data = dataclasses.replace(config.data, batch_size=8, group_size=1)
    config = dataclasses.replace(config, data=data)
    networks = pretraining.starting_networks(config, records, str(tmp_path))
    assert networks.joint.count_params() > 0


def test_tasks_without_their_patches_are_refused():
    spec = tiny_records.tiny_spec(layout="grid8")
    with pytest.raises(ValueError, match="grid8.*camouflage.*jigsaw.*rotation"):
        networks_for(presets.preset("paper"), spec)


def test_a_two_tower_picture_goes_past_the_encoder():
    networks = build(
        image_tower="projection", shortcut_levels=(), word_size=0, similarity_path=False
    )
    batch = inputs()
    pictures = {name: batch[name] for name in ("patch_features", "patch_positions")}
    before = networks.image(pictures).numpy()
    np.testing.assert_allclose(np.linalg.norm(before, axis=1), 1.0, atol=1e-5)
    for layer in networks.encoder_layers:
        layer.set_weights([w + 1.0 for w in layer.get_weights()])
    close(networks.image(pictures), before)
    # Patches of a level change places: their mean is the same.
    features = batch["patch_features"].copy()
    features[:, 1:5] = features[:, 4:0:-1]
    close(networks.image({**pictures, "patch_features": features}), before)
    features[:, 1:5] += 1.0
    changed = networks.image({**pictures, "patch_features": features}).numpy()
    assert np.abs(changed - before).max() > 1e-3
