"""What is drawn for a batch: no input betrays a target.

The records name themselves (see `fake_records`): a vector is (item, row, 1, 0)
and a text begins with its item's name, so every assertion is about where a
thing came from.
"""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from kaleido import corruption, input_pipeline, records
from kaleido.corruption import JIGSAW_PERMUTATIONS
from kaleido.patches import LAYOUTS
from tests import fake_records
from tests.drawn_batches import (
    BATCH,
    PER_EPOCH,
    TRAIN,
    make_config,
    take,
    train,
    write_record_set,
)
from tests.fake_records import SPEC, VOCABULARY

LAYOUT = LAYOUTS["kaleido"]
MASK = VOCABULARY.ids["[MASK]"]


@pytest.fixture(scope="module")
def record_set(tmp_path_factory):
    return write_record_set(tmp_path_factory.mktemp("records"))


@pytest.fixture(scope="module")
def epochs(record_set):
    """Four epochs of batches, random order."""
    return train(record_set, 4 * PER_EPOCH)


def test_draws_depend_on_seed_epoch_and_record_alone():
    keys = tf.constant([5, 9, 5, 2**62], tf.int64)
    draws = corruption.draw(keys, 1, tf.constant(2, tf.int64)).numpy()
    np.testing.assert_array_equal(draws[0], draws[2])
    other = corruption.draw(keys[::-1][:2], 1, tf.constant(2, tf.int64)).numpy()
    np.testing.assert_array_equal(draws[[3, 2]], other)
    assert (draws >= 0).all() and (draws < 1).all()
    for seed, epoch in ((2, 2), (1, 3)):
        changed = corruption.draw(keys, seed, tf.constant(epoch, tf.int64))
        assert (changed.numpy() != draws).mean() > 0.9
    assert len(np.unique(draws[:2])) == draws[:2].size


# Patches


def rows_of(batch, level):
    """Which item and which row of a record each slot of a level shows."""
    features = batch["patch_features"][:, list(LAYOUT.patches(level))]
    return features[..., 0].astype(int), features[..., 1].astype(int)


def test_clean_features_are_clean(epochs):
    for batch in epochs:
        clean = batch["clean_features"]
        assert (clean[..., 0] == batch["product_key"][:, None]).all()
        assert (clean[..., 1] == LAYOUT.clean_rows).all()


def test_the_rotation_shown_is_the_rotation_asked_for(epochs):
    for batch in epochs:
        item, row = rows_of(batch, 1)
        assert (item[:, 0] == batch["product_key"]).all()
        assert (row[:, 0] == batch["rotation"]).all()
    assert set(np.concatenate([b["rotation"] for b in epochs])) == {0, 1, 2, 3}


def test_the_jigsaws_label_restores_the_order(epochs):
    first = LAYOUT.vectors["level_2"].start
    labels = np.concatenate([b["jigsaw"] for b in epochs])
    assert labels.min() >= 0 and labels.max() < 24 and len(set(labels)) > 18
    for batch in epochs:
        _, rows = rows_of(batch, 2)
        for label, shown in zip(batch["jigsaw"], rows):
            restored = np.empty(4, int)
            restored[JIGSAW_PERMUTATIONS[label]] = shown - first
            assert restored.tolist() == [0, 1, 2, 3]
    assert len({tuple(p) for p in JIGSAW_PERMUTATIONS.tolist()}) == 24


def test_the_camouflage_is_another_products_patch_of_the_same_slot(epochs):
    own_rows = np.array(LAYOUT.vectors["level_3"])
    donors = []
    for batch in epochs:
        assert (batch["camouflage_weight"] == 1).all()
        item, row = rows_of(batch, 3)
        assert (row == own_rows).all()  # always the slot's own place
        foreign = item != batch["product_key"][:, None]
        assert (foreign.sum(1) == 1).all()
        assert (foreign.argmax(1) == batch["camouflage"]).all()
        donor = item[foreign]
        assert set(donor) <= set(batch["product_key"])
        donors.append((donor[:, None] == batch["product_key"]).argmax(1))
    assert len(set(np.concatenate(donors))) == BATCH


def test_greyed_slots_show_grey_and_ask_for_colour(epochs):
    colour, grey = (LAYOUT.vectors[f"level_4{s}"].start for s in ("", "_grey"))
    for batch in epochs:
        item, row = rows_of(batch, 4)
        assert (item == batch["product_key"][:, None]).all()
        is_grey = row >= grey
        np.testing.assert_array_equal(
            np.where(is_grey, row - grey, row - colour),
            np.tile(np.arange(16), (BATCH, 1)),
        )
        for slots, hidden, targets in zip(
            batch["grey_indices"], is_grey, batch["grey_targets"]
        ):
            assert sorted(slots) == np.flatnonzero(hidden).tolist() and len(slots) == 2
            assert (targets[:, 1] == colour + slots).all()


def test_blanked_slots_show_nothing_and_ask_for_what_was_there(epochs):
    first = LAYOUT.vectors["level_5"].start
    for batch in epochs:
        level = batch["patch_features"][:, list(LAYOUT.patches(5))]
        blank = (level == 0).all(-1)
        assert (blank.sum(1) == 3).all()
        for index, (slots, hidden, targets) in enumerate(
            zip(batch["blank_indices"], blank, batch["blank_targets"])
        ):
            assert sorted(slots) == np.flatnonzero(hidden).tolist()
            assert (targets[:, 1] == first + slots).all()
            assert (targets[:, 0] == batch["product_key"][index]).all()
            kept = level[index][~hidden]
            assert (kept[:, 1] == first + np.flatnonzero(~hidden)).all()


def test_positions_stay_with_their_slots(epochs):
    """Whatever was permuted or borrowed: the picture's own boxes, in order."""
    items = fake_records.items_of(TRAIN)
    for batch in epochs:
        for key, positions in zip(batch["product_key"], batch["patch_positions"]):
            x1, y1, x2, y2 = fake_records.boxes_of(items[key]).T
            expected = [x1 / 500, x2 / 500, y1 / 400, y2 / 400,
                        (x2 - x1) / 500 * (y2 - y1) / 400]
            np.testing.assert_allclose(positions.T, expected, rtol=1e-4, atol=1e-6)


def test_positions_in_pixels_on_demand(record_set):
    config = make_config(model={"positions": "pixels"})
    batch = take(input_pipeline.training_batches(record_set, config, 3), 1)[0]
    boxes = fake_records.boxes_of(fake_records.items_of(TRAIN)[batch["product_key"][0]])
    np.testing.assert_array_equal(
        batch["patch_positions"][0][:, :4], boxes[:, [0, 2, 1, 3]]
    )


def test_one_product_in_several_pictures_lends_itself_nothing(tmp_path):
    """A product's own second view is neither camouflage nor a wrong text."""
    items = [dataclasses.replace(i, product=7, text_key=7)
             for i in fake_records.items_of(8)]
    record_set = fake_records.write_records(str(tmp_path), {"train": items})
    batch = train(record_set, 1, swap_share=1.0)[0]
    assert (batch["camouflage_weight"] == 0).all() and (batch["matched"] == 1).all()
    item, _ = rows_of(batch, 3)
    assert (item == item[:, :1]).all()


# Texts


def restore(batch):
    """The clean texts behind the shown ones, by the masked positions' truth."""
    ids = batch["token_ids"].copy()
    places, truths = batch["masked_positions"], batch["masked_ids"]
    for row, positions, truth in zip(ids, places, truths):
        row[positions[positions >= 0]] = truth[positions >= 0]
    return ids


def owner(ids):
    """Which item's text each row is: the first piece behind [CLS] is its name."""
    return ids[:, 1] - VOCABULARY.ids["name0"]


def test_the_truth_of_hidden_words_restores_some_items_clean_text(epochs):
    items = fake_records.items_of(TRAIN)
    for batch in epochs:
        restored = restore(batch)
        for row, index in zip(restored, owner(restored)):
            np.testing.assert_array_equal(row, items[index].token_ids[: len(row)])
        np.testing.assert_array_equal(
            batch["masked_weights"], batch["masked_positions"] >= 0
        )
        assert (batch["masked_ids"][batch["masked_positions"] < 0] == 0).all()
        own = np.stack([items[key].token_ids for key in batch["product_key"]])
        np.testing.assert_array_equal(
            batch["clean_token_ids"], own[:, : restored.shape[1]]
        )


def test_a_swapped_text_is_another_products_with_its_own_hidden_words(epochs):
    items = fake_records.items_of(TRAIN)
    matched = np.concatenate([b["matched"] for b in epochs])
    assert 0.35 < matched.mean() < 0.65
    plans = {}
    for batch in epochs:
        owners = owner(restore(batch))
        np.testing.assert_array_equal(
            owners == batch["product_key"], batch["matched"] == 1
        )
        assert set(owners) <= set(batch["product_key"])
        for index, positions in zip(owners, batch["masked_positions"]):
            # Positions are one of the text's own plans, matched or not.
            if index not in plans:
                parsed = records.parse_examples(
                    tf.constant([fake_records.serialize(items[index])]), SPEC
                )
                plans[index] = parsed["token_plans"].numpy()[0].tolist()
            assert positions.tolist() in plans[index]


def test_a_text_that_is_equal_after_normalisation_is_no_wrong_text(tmp_path):
    # Products 0-3 share a text, and so do 4-7.
    items = [dataclasses.replace(i, text_key=i.index // 4)
             for i in fake_records.items_of(8)]
    record_set = fake_records.write_records(str(tmp_path), {"train": items})
    batches = train(record_set, 6, swap_share=1.0)
    for batch in batches:
        assert (batch["matched"] == 0).all()
        assert (owner(restore(batch)) // 4 != batch["product_key"] // 4).all()


def test_mined_negatives_leave_the_swapping_to_the_model(record_set):
    config = make_config(training={"mined_negatives": 0.7})
    batches = take(input_pipeline.training_batches(record_set, config, 3), PER_EPOCH)
    for batch in batches:
        assert (owner(restore(batch)) == batch["product_key"]).all()
        assert {"mine_draw", "partner_draw"} <= set(batch)
    assert 0.2 < np.mean([b["matched"] for b in batches]) < 0.8


def test_static_masking_takes_the_first_plan_always(record_set):
    items = fake_records.items_of(TRAIN)
    for batch in train(record_set, PER_EPOCH, random_plans=False, swap_share=0.0):
        serialized = [fake_records.serialize(items[k]) for k in batch["product_key"]]
        parsed = records.parse_examples(tf.constant(serialized), SPEC)
        np.testing.assert_array_equal(
            batch["masked_positions"], parsed["token_plans"][:, 0]
        )
        shown = np.concatenate(
            [batch["camouflage"][:, None], batch["grey_indices"],
             batch["blank_indices"]], axis=1,
        )
        np.testing.assert_array_equal(shown, parsed["patch_plans"][:, 0])


def test_all_plans_are_taken_in_turn(epochs):
    items = fake_records.items_of(TRAIN)
    counts = np.zeros(SPEC.num_plans)
    for batch in epochs:
        serialized = [fake_records.serialize(items[k]) for k in batch["product_key"]]
        parsed = records.parse_examples(tf.constant(serialized), SPEC)
        taken = (
            parsed["patch_plans"][..., 3:].numpy() == batch["blank_indices"][:, None]
        ).all(-1)
        counts += (taken / taken.sum(1, keepdims=True)).sum(0)
    # 192 draws of four: 48 each, standard deviation 6.
    assert (np.abs(counts - 48) < 24).all()


# What becomes of a hidden word


def masked_batch(count=4000, seed=0):
    """`count` texts of ten hidden words out of twenty, with uniform draws."""
    words = VOCABULARY.ids["word0"] + np.arange(20)
    ids = np.tile(np.r_[fake_records.CLS, words, fake_records.SEP], (count, 1))
    positions = np.tile(np.arange(1, 20, 2), (count, 1))
    batch = {
        "token_ids": tf.constant(ids, tf.int32),
        "masked_positions": tf.constant(positions, tf.int32),
    }
    draws = np.random.default_rng(seed).random((count, 20), np.float32)
    return corruption.mask_tokens(batch, tf.constant(draws), VOCABULARY)


def test_eighty_ten_ten():
    batch = {k: v.numpy() for k, v in masked_batch().items()}
    shown = np.take_along_axis(batch["token_ids"], batch["masked_positions"], 1)
    masked = shown == MASK
    kept = shown == batch["masked_ids"]
    # 40,000 draws: a standard deviation is .002.
    assert abs(masked.mean() - 0.8) < 0.01
    ordinary = np.flatnonzero(~VOCABULARY.is_special)
    # A random piece may happen to be the truth.
    assert abs(kept.mean() - 0.1 - 0.1 / len(ordinary)) < 0.01
    random = shown[~masked & ~kept]
    assert abs(random.size / shown.size - 0.1) < 0.01
    assert not VOCABULARY.is_special[random].any()
    assert set(random) == set(ordinary)
    # What was not chosen stays.
    rest = np.delete(batch["token_ids"], np.arange(1, 20, 2), axis=1)
    np.testing.assert_array_equal(
        rest, np.delete(batch["clean_token_ids"], np.arange(1, 20, 2), axis=1)
    )


def test_the_greatest_draw_is_still_a_piece():
    almost = np.nextafter(np.float32(1), np.float32(0))
    batch = {
        "token_ids": tf.constant([[fake_records.CLS, 7, fake_records.SEP]]),
        "masked_positions": tf.constant([[1] + [-1] * 9]),
    }
    draws = np.full((1, 20), almost, np.float32)
    draws[:, :10] = 0.85  # a random piece
    shown = corruption.mask_tokens(batch, tf.constant(draws), VOCABULARY)
    assert shown["token_ids"][0, 1] == np.flatnonzero(~VOCABULARY.is_special)[-1]


def test_a_plan_without_words_changes_nothing():
    ids = tf.constant([[fake_records.CLS, 9, fake_records.SEP, 0]])
    batch = {"token_ids": ids, "masked_positions": tf.fill([1, 10], -1)}
    shown = corruption.mask_tokens(batch, tf.zeros([1, 20]), VOCABULARY)
    np.testing.assert_array_equal(shown["token_ids"], ids)
    assert not shown["masked_weights"].numpy().any()


@pytest.mark.parametrize(
    "longest, width", [(3, 8), (8, 8), (9, 16), (16, 16), (17, 24), (24, 24)]
)
def test_texts_are_cut_to_the_least_length_that_holds_them(longest, width):
    ids = np.zeros((3, 24), np.int32)
    ids[1, :longest] = 7
    ids[2, :2] = 7
    batch = {"token_ids": tf.constant(ids)}
    # Unordered, and one longer than the records' own.
    trimmed = corruption.trim_texts(batch, (16, 8, 64))["token_ids"]
    np.testing.assert_array_equal(trimmed, ids[:, :width])


# No leak


def test_nothing_but_the_targets_tells_what_was_drawn(tmp_path):
    """All pictures and all texts look alike; every input must, too.

    With equal contents no input may depend on the rotation, the permutation,
    the donor or the swap: else a network could read the answer off something
    that is no content (positions, padding, lengths, hidden places).
    """
    template = fake_records.items_of(1)[0]
    items = [
        dataclasses.replace(template, index=i, product=i, text_key=i, constant=True)
        for i in range(16)
    ]
    plans = {
        "token_plans": np.tile([2, 3] + [-1] * 8, (SPEC.num_plans, 1)),
        "patch_plans": np.tile([4, 1, 9, 0, 7, 20], (SPEC.num_plans, 1)),
    }
    record_set = fake_records.write_records(
        str(tmp_path), {"train": items}, plans=plans
    )
    seen = [b for seed in range(4) for b in train(record_set, 2, seed=seed)]
    labels = {name: set() for name in ("rotation", "jigsaw", "matched")}
    visible = template.token_ids[: seen[0]["token_ids"].shape[1]].copy()
    for batch in seen:
        for name, values in labels.items():
            values.update(batch[name].tolist())
        expected = np.full_like(batch["patch_features"], 3.0)
        expected[:, LAYOUT.patches(5).start + np.array([0, 7, 20])] = 0.0
        np.testing.assert_array_equal(batch["patch_features"], expected)
        np.testing.assert_array_equal(batch["masked_positions"], np.tile(
            [2, 3] + [-1] * 8, (BATCH, 1)))
        assert batch["token_ids"].shape[1] == len(visible)
        others = [p for p in range(len(visible)) if p not in (2, 3)]
        np.testing.assert_array_equal(
            batch["token_ids"][:, others], np.tile(visible[others], (BATCH, 1))
        )
        np.testing.assert_array_equal(
            batch["grey_indices"], np.tile([1, 9], (BATCH, 1))
        )
    # The draws did differ.
    assert len(labels["rotation"]) == 4 and len(labels["matched"]) == 2
    assert len(labels["jigsaw"]) > 10


def test_a_swap_does_not_show_in_what_becomes_of_hidden_words(record_set):
    """[MASK] is as frequent in wrong texts as in right ones."""
    shares = {0.0: [], 1.0: []}
    for batch in train(record_set, 10 * PER_EPOCH, seed=5):
        for matched, ids, positions in zip(
            batch["matched"], batch["token_ids"], batch["masked_positions"]
        ):
            hidden = ids[positions[positions >= 0]]
            shares[matched].append((hidden == MASK).mean())
    assert abs(np.mean(shares[0.0]) - np.mean(shares[1.0])) < 0.08


@pytest.mark.parametrize("task, level", [
    ("rotation", 1), ("jigsaw", 2), ("camouflage", 3), ("grey", 4), ("blank", 5),
])
def test_a_level_is_corrupted_where_its_task_is_learnt_alone(record_set, task, level):
    def shown(*tasks):
        batch = train(record_set, 1, tasks=("itm", "mlm", *tasks))[0]
        return batch["patch_features"], batch["clean_features"]

    features, clean = shown()
    np.testing.assert_array_equal(features, clean)
    features, clean = shown(task)
    changed = (features != clean).any(axis=(0, 2))
    others = np.ones(len(changed), bool)
    others[list(LAYOUT.patches(level))] = False
    assert changed[~others].any() and not changed[others].any()


# FashionBERT's grid


def test_the_grid_layout_has_one_task_on_patches(tmp_path):
    spec = dataclasses.replace(SPEC, layout="grid8")
    record_set = fake_records.write_records(
        str(tmp_path), {"train": fake_records.items_of(8)}, spec
    )
    batch = train(record_set, 1)[0]
    blank = (batch["patch_features"] == 0).all(-1)
    assert (blank.sum(1) == 6).all()
    assert not {"rotation", "jigsaw", "camouflage", "grey_indices"} & set(batch)
    for slots, hidden, targets in zip(
        batch["blank_indices"], blank, batch["blank_targets"]
    ):
        assert sorted(slots) == np.flatnonzero(hidden).tolist()
        assert (targets[:, 1] == slots).all()
