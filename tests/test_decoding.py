"""Beam search finds what a search over all sequences finds."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from kaleido.decoding import beam_search

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
