"""Losses against hand-computed values, and their sums over replicas."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from kaleido import losses


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def numbers(summed):
    return [float(v) for v in summed]


def add(*parts):
    return [sum(values) for values in zip(*map(numbers, parts))]


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


# Classification and matching


def test_classification_by_hand():
    # Softmax of (0, log 3) is (1/4, 3/4).
    logits = tf.constant([[0.0, np.log(3)], [0.0, np.log(3)], [5.0, 0.0]])
    summed = losses.classification(
        logits, tf.constant([1, 0, 0]), tf.constant([1.0, 0.5, 0.0])
    )
    loss = -np.log(3 / 4) - 0.5 * np.log(1 / 4)
    np.testing.assert_allclose(numbers(summed), [loss, 1.5, 1.0], rtol=1e-5)


def test_classification_of_masked_words_sums_over_all_positions():
    logits, labels = random(3, 4, 7), np.arange(12).reshape(3, 4) % 7
    weights = np.array([[1, 1, 1, 0], [0] * 4, [1, 1, 0, 0]], np.float32)
    chances = np.take_along_axis(softmax(logits), labels[..., None], -1)[..., 0]
    right = logits.argmax(-1) == labels
    np.testing.assert_allclose(
        numbers(losses.classification(logits, labels, weights)),
        [(-np.log(chances) * weights).sum(), 5, (right * weights).sum()], rtol=1e-5,
    )


def test_matching_by_hand():
    # Log-odds of log 3 are a chance of 3/4.
    summed = losses.matching(
        tf.constant([np.log(3.0), np.log(3.0), -2.0], tf.float32),
        tf.constant([1.0, 0.0, 0.0]),
    )
    loss = -np.log(3 / 4) - np.log(1 / 4) + np.log(1 + np.exp(-2.0))
    np.testing.assert_allclose(numbers(summed), [loss, 3, 2], rtol=1e-5)


# Features


def kl(logits, targets):
    true = softmax(targets.astype(np.float64))
    return (true * (np.log(true) - np.log(softmax(logits.astype(np.float64))))).sum(-1)


def test_divergence_is_kl_of_softmaxes_by_hand():
    # True (1/2, 1/2), predicted (1/4, 3/4).
    logits = np.array([[[0.0, np.log(3)]]], np.float32)
    targets = np.zeros((1, 1, 2), np.float32)
    summed = losses.feature_divergence(tf.constant(logits), targets, tf.ones([1]))
    expected = 0.5 * np.log(0.5 / 0.25) + 0.5 * np.log(0.5 / 0.75)
    np.testing.assert_allclose(numbers(summed)[:2], [expected, 1], rtol=1e-5)


def test_divergence_of_the_truth_is_zero_and_right():
    targets = random(3, 2, 9)
    # A softmax does not see a constant that is added to all.
    summed = losses.feature_divergence(
        tf.constant(targets + 5.0), targets.astype(np.float16), tf.ones([3])
    )
    loss, count, correct = numbers(summed)
    assert abs(loss) < 1e-4 and count == 6 and correct == 6


@settings(max_examples=20)
@given(batch=st.integers(1, 60), n=st.integers(1, 3), seed=st.integers(0, 99))
def test_divergence_and_its_accuracy_by_brute_force(batch, n, seed):
    logits, targets = random(batch, n, 5, seed=seed), random(batch, n, 5, seed=seed + 1)
    # Half-right predictions, so that right and wrong ones occur.
    logits = logits + 2 * targets
    weights = (np.random.default_rng(seed).random(batch) < 0.7).astype(np.float32)
    loss = right = 0.0
    flat = targets.reshape(-1, 5)
    total = len(flat)
    for i in range(batch):
        for j in range(n):
            index = i * n + j
            own = kl(logits[i, j], targets[i, j])
            others = [
                kl(logits[i, j], flat[(index + k) % total])
                for k in range(1, min(losses.NEAREST_AMONG, total - 1) + 1)
            ]
            loss += weights[i] * own
            right += weights[i] * all(own < other for other in others)
    summed = losses.feature_divergence(
        tf.constant(logits), tf.constant(targets), tf.constant(weights)
    )
    np.testing.assert_allclose(
        numbers(summed), [loss, weights.sum() * n, right], rtol=1e-3, atol=1e-4
    )


def test_an_equally_near_other_makes_a_prediction_wrong():
    """A network that predicts one vector for all must not score."""
    targets = np.repeat(random(1, 1, 4), 6, axis=0)
    summed = losses.feature_divergence(tf.constant(targets), targets, tf.ones([6]))
    assert numbers(summed)[2] == 0


@pytest.mark.parametrize("behind, right", [(1, False), (100, False), (101, True)])
def test_a_prediction_is_compared_with_the_hundred_features_behind_it(behind, right):
    targets = random(150, 1, 8)
    targets[behind] = targets[0]
    weights = np.eye(150, dtype=np.float32)[0]  # the first alone
    summed = losses.feature_divergence(tf.constant(targets), targets, weights)
    assert numbers(summed)[1:] == [1, float(right)]


# Contrastive


def unit(*shape, seed=0):
    x = random(*shape, seed=seed)
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def keys_of(products, texts):
    return {
        "product_key": tf.constant(products, tf.int64),
        "text_key": tf.constant(texts, tf.int64),
        # Each product has one picture.
        "picture_key": tf.constant(products, tf.int64),
    }


def numpy_info_nce(vectors, others, scale, products, texts, offset):
    """A row at a time, over its own column and the columns that are negatives."""
    loss = right = 0.0
    for i, vector in enumerate(vectors):
        own = i + offset
        columns = [own] + [
            j for j in range(len(others))
            if products[j] != products[own] and texts[j] != texts[own]
        ]
        logits = scale * others[columns] @ vector
        loss += -np.log(softmax(logits)[0])
        right += logits.argmax() == 0
    return [loss, len(vectors), right]


PRODUCTS = [1, 2, 3, 3, 5, 6]
TEXTS = [10, 11, 12, 12, 11, 13]  # 2 and 5 share a text


@pytest.mark.parametrize("offset, count", [(0, 6), (0, 3), (3, 3)])
def test_contrastive_is_info_nce_without_duplicates(offset, count):
    others = unit(6, 4, seed=3)
    vectors = (others + 0.7 * random(6, 4))[offset : offset + count]
    rows = slice(offset, offset + count)
    summed = losses.contrastive(
        tf.constant(vectors), tf.constant(others), tf.constant(5.0),
        keys_of(PRODUCTS[rows], TEXTS[rows]), keys_of(PRODUCTS, TEXTS),
        tf.constant(offset),
    )
    expected = numpy_info_nce(vectors, others, 5.0, PRODUCTS, TEXTS, offset)
    np.testing.assert_allclose(numbers(summed), expected, rtol=1e-4)


def test_contrastive_counts_rows_as_they_weigh():
    others, weights = unit(6, 4, seed=3), np.float32([1, 0, 1, 0, 0, 1])
    vectors = others + 0.7 * random(6, 4)

    def of(rows, offset, weights=None):
        return losses.contrastive(
            tf.constant(vectors[rows]), tf.constant(others), tf.constant(5.0),
            keys_of(PRODUCTS[rows], TEXTS[rows]), keys_of(PRODUCTS, TEXTS),
            tf.constant(offset), weights,
        )

    rows = map(int, np.flatnonzero(weights))
    alone = [of(slice(row, row + 1), row) for row in rows]
    whole = of(slice(None), 0, weights)
    np.testing.assert_allclose(add(*alone), numbers(whole), rtol=1e-5)


@pytest.mark.parametrize("same", ["product_key", "text_key", "picture_key"])
def test_a_twin_is_no_negative(same):
    vectors = np.repeat(unit(1, 4), 2, axis=0)
    keys = {"product_key": [1, 2], "text_key": [7, 8], "picture_key": [4, 5]}
    keys[same] = [1, 1]
    keys = {k: tf.constant(v, tf.int64) for k, v in keys.items()}
    summed = losses.contrastive(
        vectors, vectors, tf.constant(10.0), keys, keys, tf.constant(0)
    )
    # Nothing to be told from: no loss. As negatives they would cost log 2 each.
    np.testing.assert_allclose(numbers(summed), [0, 2, 2], atol=1e-5)


# Replicas: sums and counts of two halves are those of the whole


def halves(*tensors):
    return [[t[:3] for t in tensors], [t[3:] for t in tensors]]


@pytest.mark.parametrize("name", ["classification", "matching", "contrastive"])
def test_two_replicas_add_up_to_one(name):
    if name == "classification":
        arguments = (
            random(6, 4, 5), np.arange(24).reshape(6, 4) % 5,
            (random(6, 4, seed=1) > 0).astype(np.float32),
        )
        parts = [losses.classification(*half) for half in halves(*arguments)]
        whole = losses.classification(*arguments)
    elif name == "matching":
        arguments = (tf.constant(random(6)), (random(6, seed=1) > 0).astype(np.float32))
        parts = [losses.matching(*half) for half in halves(*arguments)]
        whole = losses.matching(*arguments)
    else:
        text, image = unit(6, 4), unit(6, 4, seed=1)

        def loss(rows, offset):
            return losses.contrastive(
                text[rows], image, tf.constant(3.0),
                keys_of(PRODUCTS[rows], TEXTS[rows]), keys_of(PRODUCTS, TEXTS),
                tf.constant(offset),
            )

        parts = [loss(slice(0, 3), 0), loss(slice(3, 6), 3)]
        whole = loss(slice(0, 6), 0)
    np.testing.assert_allclose(add(*parts), numbers(whole), rtol=1e-5)


def test_divergences_of_two_replicas_add_up_to_one():
    arguments = (
        tf.constant(random(6, 2, 5)), tf.constant(random(6, 2, 5, seed=1)),
        tf.constant((random(6, seed=2) > 0).astype(np.float32)),
    )
    parts = [losses.feature_divergence(*half) for half in halves(*arguments)]
    whole = losses.feature_divergence(*arguments)
    # The accuracy looks at the replica's own batch only.
    np.testing.assert_allclose(add(*parts)[:2], numbers(whole)[:2], rtol=1e-5)


# Which pairs count


@pytest.fixture
def batch():
    return {
        "matched": tf.constant([1.0, 0.0, 1.0]),
        "masked_ids": tf.constant([[1, 2], [0, 1], [2, 0]]),
        "masked_weights": tf.constant([[1.0, 1.0], [1.0, 1.0], [1.0, 0.0]]),
        "rotation": tf.constant([0, 1, 2]),
        "jigsaw": tf.constant([0, 1, 2]),
        "camouflage": tf.constant([0, 1, 2]),
        "camouflage_weight": tf.constant([1.0, 1.0, 0.0]),
        "grey_targets": random(3, 2, 5),
        "blank_targets": random(3, 3, 5, seed=1),
    }


OUTPUTS = {
    "mlm": random(3, 2, 3), "itm": random(3), "rotation": random(3, 4),
    "jigsaw": random(3, 24), "camouflage": random(3, 9), "grey": random(3, 2, 5),
    "blank": random(3, 3, 5),
}


@pytest.mark.parametrize(
    "on_negatives, counts",
    [
        # The paper's: of the three pairs the second is no match.
        (False, {"mlm": 3, "itm": 3, "rotation": 2, "jigsaw": 2, "camouflage": 1,
                 "grey": 4, "blank": 6}),
        # The authors' code counts them all.
        (True, {"mlm": 5, "itm": 3, "rotation": 3, "jigsaw": 3, "camouflage": 2,
                "grey": 6, "blank": 9}),
    ],
)
def test_wrong_pairs_count_for_matching_alone(batch, on_negatives, counts):
    outputs = {k: tf.constant(v) for k, v in OUTPUTS.items()}
    summed = losses.joint_losses(outputs, batch, list(counts), on_negatives)
    assert {task: float(s.count) for task, s in summed.items()} == counts
    one = losses.classification(
        outputs["jigsaw"], batch["jigsaw"],
        tf.ones([3]) if on_negatives else batch["matched"],
    )
    np.testing.assert_allclose(numbers(summed["jigsaw"]), numbers(one))
    divergence = losses.feature_divergence(
        outputs["blank"], batch["blank_targets"],
        tf.ones([3]) if on_negatives else batch["matched"],
    )
    np.testing.assert_allclose(numbers(summed["blank"]), numbers(divergence))
    np.testing.assert_allclose(
        numbers(summed["itm"]),
        numbers(losses.matching(outputs["itm"], batch["matched"])),
    )


def test_only_the_tasks_asked_for_are_counted(batch):
    outputs = {k: tf.constant(v) for k, v in OUTPUTS.items()}
    tasks = ["itm", "grey", "contrastive"]  # the last is no task of the joint pass
    assert set(losses.joint_losses(outputs, batch, tasks, False)) == {"itm", "grey"}
