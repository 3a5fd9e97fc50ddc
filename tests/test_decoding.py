"""Beam search finds what a search over all sequences finds."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from kaleido.decoding import beam_search, close_caption, nucleus_sample

END, LENGTH, VOCABULARY = 0, 4, 4


def chain(seed):
    """Log-probabilities of a second-order chain: (before last, last) -> next."""
    logits = np.random.default_rng(seed).normal(0, 1.5, (VOCABULARY,) * 3)
    return np.log(np.exp(logits) / np.exp(logits).sum(-1, keepdims=True))


def search(tables, beams, length_power=0.0, first=1):
    """Decodes a batch; example i follows `tables[i]`. The state remembers."""
    table = tf.constant(np.stack(tables), tf.float32)
    which = tf.range(len(tables))
    before = tf.fill([len(tables)], first)

    def step(index, last, state):
        which, before = state
        return tf.gather_nd(table, tf.stack([which, before, last], 1)), (which, last)

    run = tf.function(
        lambda: beam_search(
            step, (which, before), len(tables), first, END, LENGTH, beams, length_power
        )
    )
    tokens, scores, _ = run()
    return tokens.numpy(), scores.numpy()


def score(table, tokens, first=1):
    """Log-probability and length, up to the end."""
    total, before, last = 0.0, first, first
    length = tokens.index(END) + 1 if END in tokens else len(tokens)
    for token in tokens[:length]:
        total += table[before, last, token]
        before, last = last, token
    return total, length


def every_sequence():
    for tokens in itertools.product(range(VOCABULARY), repeat=LENGTH):
        if END in tokens:
            end = tokens.index(END)
            if any(token != END for token in tokens[end:]):
                continue
        yield tokens


@pytest.mark.parametrize("length_power", [0.0, 0.7])
def test_enough_beams_find_the_best_of_all(length_power):
    tables = [chain(seed) for seed in range(6)]
    tokens, scores = search(tables, VOCABULARY**LENGTH, length_power)
    for table, found, value in zip(tables, tokens, scores):
        def worth(tokens, table=table):
            total, count = score(table, tokens)
            return total / count**length_power

        best = max(every_sequence(), key=worth)
        assert tuple(found.tolist()) == best
        assert value == pytest.approx(worth(best), abs=1e-4)


def test_one_beam_is_greedy():
    tables = [chain(seed) for seed in range(6)]
    tokens, _ = search(tables, 1)
    for table, found in zip(tables, tokens):
        before = last = 1
        for token in found:
            assert token == table[before, last].argmax()
            if token == END:
                break
            before, last = last, token


def test_more_beams_are_no_worse():
    tables = [chain(seed) for seed in range(20)]
    greedy, wide = search(tables, 1)[1], search(tables, 8)[1]
    assert (wide >= greedy - 1e-5).all() and (wide > greedy + 1e-3).any()


def test_examples_of_a_batch_do_not_mix():
    tables = [chain(seed) for seed in range(5)]
    together, _ = search(tables, 3)
    for table, found in zip(tables, together):
        np.testing.assert_array_equal(search([table], 3)[0][0], found)


def test_after_the_end_comes_the_end():
    tokens, _ = search([chain(seed) for seed in range(10)], 3)
    for found in tokens.tolist():
        if END in found:
            assert set(found[found.index(END):]) == {END}


def runs(tokens, size):
    """The runs of a sequence up to its end."""
    tokens = tokens[: tokens.index(END)] if END in tokens else tokens
    return [tuple(tokens[i : i + size]) for i in range(len(tokens) - size + 1)]


def loop(length, size, beams=1):
    """Decodes where 1 2 1 2 ... is the likeliest, then 3, then the end."""
    table = np.tile([-9.0, 0.0, -1.0, -3.0], (VOCABULARY, 1))
    table[1, 2] = table[2, 1] = table[3, 1] = 4.0
    table = tf.nn.log_softmax(tf.constant(table, tf.float32))

    def step(index, last, state):
        return tf.gather(table, last), state

    run = tf.function(
        lambda: beam_search(
            step, tf.zeros([2]), 2, 1, END, length, beams, no_repeat=size
        )
    )
    tokens, scores, _ = run()
    return tokens.numpy().tolist(), scores.numpy()


@pytest.mark.parametrize("beams", [1, 3])
@pytest.mark.parametrize("size", [2, 3])
def test_no_run_stands_twice_where_that_is_asked_for(size, beams):
    for tokens in loop(12, size, beams)[0]:
        assert len(set(runs(tokens, size))) == len(runs(tokens, size)) > 3
    for tokens in loop(12, 0, beams)[0]:
        assert len(set(runs(tokens, size))) < len(runs(tokens, size))


def test_a_run_is_barred_only_when_it_would_be_whole_again():
    # 2 1 2 1: its runs of three are 2 1 2 and 1 2 1. The next 2 would be a second
    # 2 1 2, so that 1 comes, the likeliest of the others (2 1 1, then 1 1 ...).
    (tokens, _), _ = loop(5, 3)
    assert tokens == [2, 1, 2, 1, 1]
    assert loop(4, 3)[0] == loop(4, 0)[0] == [[2, 1, 2, 1]] * 2


def test_a_sequence_shorter_than_a_run_is_as_it_was():
    assert loop(2, 3)[0] == loop(2, 0)[0] == [[2, 1]] * 2


def draw_many(nucleus, rows=4000, no_repeat=0, length=1, seed=0):
    """Draws from one distribution: 0 (the end), 1, 2, 3 with .1, .4, .3, .2."""
    table = tf.math.log(tf.constant([[0.1, 0.4, 0.3, 0.2]]))

    def step(index, last, state):
        return tf.tile(table, [rows, 1]), state

    run = tf.function(
        lambda: nucleus_sample(
            step, tf.zeros([rows]), rows, 1, END, length, tf.constant([0, seed]),
            nucleus, no_repeat,
        )
    )
    return run().numpy()


@pytest.mark.parametrize(
    "nucleus, expected",
    [
        (1.0, [0.1, 0.4, 0.3, 0.2]),
        # .4 + .3 are not enough, with .2 they are.
        (0.8, [0.0, 4 / 9, 3 / 9, 2 / 9]),
        (0.6, [0.0, 4 / 7, 3 / 7, 0.0]),
        (0.1, [0.0, 1.0, 0.0, 0.0]),
    ],
)
def test_a_nucleus_is_drawn_from_by_its_probabilities(nucleus, expected):
    shares = np.bincount(draw_many(nucleus)[:, 0], minlength=4) / 4000
    # Five standard deviations of the likeliest share.
    np.testing.assert_allclose(shares, expected, atol=5 * np.sqrt(0.25 / 4000))
    assert (shares[np.array(expected) == 0] == 0).all()


def test_what_is_drawn_ends_at_its_end_and_repeats_no_run():
    tokens = draw_many(1.0, 200, no_repeat=2, length=12)
    for found in tokens.tolist():
        if END in found:
            assert set(found[found.index(END):]) == {END}
        assert len(set(runs(found, 2))) == len(runs(found, 2))
    assert (tokens[:, 0] == END).mean() < 0.3
    assert (draw_many(1.0, 200, seed=1) != draw_many(1.0, 200)).any()


def test_a_closed_caption_has_a_beginning_an_end_and_padding():
    tokens = tf.constant([[5, 6, 3, 3, 3], [5, 6, 7, 8, 3], [5, 6, 7, 8, 9], [3] * 5])
    assert close_caption(tokens, 2, 3, 0).numpy().tolist() == [
        [2, 5, 6, 3, 0, 0], [2, 5, 6, 7, 8, 3], [2, 5, 6, 7, 8, 3], [2, 3, 0, 0, 0, 0],
    ]
