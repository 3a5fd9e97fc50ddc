"""Earlier pairs are negatives, newest first, and never a pair's own product."""

import numpy as np
import tensorflow as tf

from kaleido import pair_training
from kaleido.negatives import PAIR_KEYS
from kaleido.pair_memory import PairMemory


def unit(rng, count):
    return tf.math.l2_normalize(tf.constant(rng.normal(size=(count, 4)), tf.float32), 1)


def keys(*values):
    return {name: tf.constant(values, tf.int64) for name in PAIR_KEYS}


def test_it_holds_the_newest_pairs_that_it_has_room_for():
    rng, memory = np.random.default_rng(0), PairMemory(5, 4)
    assert len(memory.read().text) == 0
    texts, images = unit(rng, 7), unit(rng, 7)
    for rows in ((0, 1, 2), (3, 4), (5, 6)):
        index = tf.constant(rows)
        memory.add(tf.gather(texts, index), tf.gather(images, index), keys(*rows))
    held, newest = memory.read(), [5, 6, 3, 4, 0]
    np.testing.assert_array_equal(held.text, tf.gather(texts, newest))
    np.testing.assert_array_equal(held.image, tf.gather(images, newest))
    for name in PAIR_KEYS:
        assert held.keys[name].numpy().tolist() == newest


def compare(memory, text, image, batch_keys, training=True):
    batch = {
        "clean_token_ids": text, "clean_features": image, "patch_positions": image,
        **batch_keys,
    }
    return pair_training.compare(
        batch, lambda inputs, training: inputs["token_ids"],
        lambda inputs, training: inputs["patch_features"], tf.constant(3.0), training,
        memory,
    )


def test_the_loss_is_that_of_a_larger_gallery():
    rng, memory = np.random.default_rng(1), PairMemory(8, 4)
    texts, images = unit(rng, 5), unit(rng, 5)
    compare(memory, texts[:2], images[:2], keys(0, 1))
    loss = float(compare(memory, texts[2:], images[2:], keys(2, 3, 1)).loss.loss)

    def entropy(own, others, wrong):
        """Of the first dimension's vectors among their own and those of `wrong`."""
        total = 0.0
        for row in range(3):
            scores = 3 * (others @ own[row])
            allowed = [row + 2, *wrong[row]]
            total -= scores[row + 2] - np.log(np.exp(scores[allowed]).sum())
        return total

    # The last pair is of the product of the second one, which is none of its negatives.
    wrong = [[3, 4, 0, 1], [2, 4, 0, 1], [2, 3, 0]]
    t, i = texts.numpy(), images.numpy()
    expected = entropy(t[2:], i, wrong) + entropy(i[2:], t, wrong)
    np.testing.assert_allclose(loss, expected, rtol=1e-5)


def test_validation_neither_reads_nor_writes_it():
    rng, memory = np.random.default_rng(2), PairMemory(8, 4)
    texts, images = unit(rng, 4), unit(rng, 4)
    compare(memory, texts[:2], images[:2], keys(0, 1))
    alone = compare(None, texts[2:], images[2:], keys(2, 3), training=False)
    beside = compare(memory, texts[2:], images[2:], keys(2, 3), training=False)
    assert float(alone.loss.loss) == float(beside.loss.loss)
    assert len(memory.read().text) == 2
