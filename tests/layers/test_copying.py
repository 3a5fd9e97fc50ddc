"""Copying: matches by hand, and what is mixed."""

import numpy as np
import tensorflow as tf

from kaleido.layers.copying import LONGEST, CopyHead, count_matches, extend_matches

# Written: a b c a b; the context: x a b a b c.
WRITTEN = tf.constant([[1, 2, 3, 1, 2]])
CONTEXT = tf.constant([[9, 1, 2, 1, 2, 3]])
MATCHES = [
    [0, 1, 0, 1, 0, 0],
    [0, 0, 2, 0, 2, 0],
    [0, 0, 0, 0, 0, 3],
    [0, 1, 0, 1, 0, 0],
    [0, 0, 2, 0, 2, 0],
]


def test_matches_by_hand():
    assert count_matches(WRITTEN, CONTEXT).numpy()[0].tolist() == MATCHES


def test_piece_by_piece_they_are_the_same():
    rng = np.random.default_rng(0)
    # Few pieces, so that much matches.
    written, context = (tf.constant(rng.integers(1, 3, (4, n))) for n in (30, 25))
    expected = count_matches(written, context).numpy()
    assert expected.max() == LONGEST
    matches = tf.zeros([4, 25], tf.int32)
    for place in range(30):
        matches = extend_matches(matches, written[:, place], context)
        np.testing.assert_array_equal(matches, expected[:, place])


def mix(head, matches, followers, probabilities):
    states = tf.zeros([1, 4])
    return np.exp(
        head(
            states, tf.math.log([probabilities]), tf.constant([matches]),
            tf.constant([followers]),
        )
    )[0]


def built():
    head = CopyHead()
    head.build([None, 4])
    # The network has no say, so that hands can reckon.
    head.opinion.assign([0.0, 0.0])
    return head


def test_shares_by_hand():
    head = built()
    head.bids.assign(tf.math.log([1.0, 2.0, 3.0, 1, 1, 1, 1, 1, 1]))
    head.trust.assign(tf.zeros([LONGEST + 1]))
    # Bids 3, 2 and 1; the fourth follows nothing. Half is copied.
    found = mix(head, [2, 1, 0, 2], [1, 3, 1, -1], [0.25] * 4)
    np.testing.assert_allclose(
        found, np.array([0, 4 / 6, 0, 2 / 6]) / 2 + 0.125, atol=1e-6
    )


def test_trust_counts_by_the_bids():
    head = built()
    head.bids.assign(tf.zeros([LONGEST + 1]))
    head.trust.assign([-2.0, 4.0, *[0.0] * 7])
    # Half of each: log-odds of 1.
    found = mix(head, [0, 1], [0, 0], [0.0, 1.0])
    np.testing.assert_allclose(found[0], 1 / (1 + np.exp(-1.0)), atol=1e-6)


def test_the_network_has_a_say():
    head = built()
    plain = mix(head, [1, 1], [0, 1], [0.8, 0.2])
    head.opinion.assign([1.0, 0.0])
    assert mix(head, [1, 1], [0, 1], [0.8, 0.2])[0] > plain[0]
    head.opinion.assign([0.0, 1.0])
    # Less is copied of what it holds unlikely, and so less is left of that.
    assert mix(head, [1], [1], [0.9, 0.1])[1] < mix(built(), [1], [1], [0.9, 0.1])[1]


def test_where_nothing_can_be_copied_the_network_writes():
    probabilities = [0.5, 0.3, 0.2]
    found = mix(built(), [LONGEST, 0], [-1, -1], probabilities)
    np.testing.assert_allclose(found, probabilities, atol=1e-6)
