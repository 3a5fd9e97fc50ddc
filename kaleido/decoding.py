"""Captions from a decoder, in the graph: greedy, beam search, nucleus sampling."""

from __future__ import annotations

from typing import Any, Callable, Tuple

import tensorflow as tf

# What ended beams and dead tokens score: far below anything, yet finite.
_NEVER = -1e9


def _forbid_repeats(
    log_probabilities: tf.Tensor, tokens: tf.Tensor, index: tf.Tensor, size: int
) -> tf.Tensor:
    """Rules out the tokens that would end a run of `size` tokens a second time.

    Args:
        log_probabilities: float32 [rows, vocabulary].
        tokens: int32 [rows, max_length], of which the first `index` count.
        index: int32 scalar.
        size: of a run; 0 rules out nothing.
    """
    length = tokens.shape[1]
    if not size or length < size:
        return log_probabilities
    starts = length - size + 1
    last = tf.gather(
        tokens, tf.maximum(index - size + 1 + tf.range(size - 1), 0), axis=1
    )
    before = tf.stack([tokens[:, k : k + starts] for k in range(size - 1)], axis=2)
    same = tf.reduce_all(tf.equal(before, last[:, None]), axis=2)
    # The run must have ended by now, and there must be tokens enough for another.
    whole = tf.range(starts) + size <= index
    ends = tokens[:, size - 1 :]
    rows = tf.broadcast_to(tf.range(tf.shape(tokens)[0])[:, None], tf.shape(ends))
    barred = tf.where(tf.logical_and(same, whole), _NEVER, 0.0)
    return tf.tensor_scatter_nd_min(
        log_probabilities, tf.stack([rows, ends], axis=2), barred
    )


def nucleus_sample(
    step: Callable[[tf.Tensor, tf.Tensor, Any], Tuple[tf.Tensor, Any]],
    state: Any,
    batch: tf.Tensor,
    first: int,
    end: int,
    max_length: int,
    seed: tf.Tensor,
    nucleus: float = 0.9,
    no_repeat: int = 0,
) -> tf.Tensor:
    """Draws a sequence for each example (arXiv 1904.09751, eq. 2).

    Each token is drawn among the likeliest that together have the probability
    `nucleus`, by their probabilities.

    Args:
        step, state, batch, first, end, max_length, no_repeat: see `beam_search`.
        seed: int32 [2]; the same seed draws the same sequences.
        nucleus: in (0, 1]; the likeliest token is always in it.

    Returns:
        Tokens int32 [batch, max_length], `end` where a sequence has ended.
    """
    tokens = tf.fill([batch, max_length], end)

    def going_on(index, ended, *_):
        return tf.logical_and(index < max_length, tf.logical_not(tf.reduce_all(ended)))

    def advance(index, ended, last, tokens, state):
        log_probabilities, state = step(index, last, state)
        log_probabilities = _forbid_repeats(log_probabilities, tokens, index, no_repeat)
        ordered, order = tf.math.top_k(
            tf.nn.log_softmax(log_probabilities), tf.shape(log_probabilities)[1]
        )
        before = tf.cumsum(tf.exp(ordered), axis=1, exclusive=True)
        ordered = tf.where(before < nucleus, ordered, _NEVER)
        # The largest of logarithms with Gumbel noise is a draw by probabilities.
        uniform = tf.random.stateless_uniform(
            tf.shape(ordered), tf.random.experimental.stateless_fold_in(seed, index),
            minval=1e-20,
        )
        drawn = tf.argmax(ordered - tf.math.log(-tf.math.log(uniform)), axis=1)
        last = tf.where(ended, end, tf.gather(order, drawn, batch_dims=1))
        place = tf.one_hot(index, max_length, dtype=tf.int32)
        tokens += place * (last - end)[:, None]
        return index + 1, tf.equal(last, end), last, tokens, state

    ended, last = tf.zeros([batch], tf.bool), tf.fill([batch], first)
    *_, tokens, _ = tf.while_loop(going_on, advance, (0, ended, last, tokens, state))
    return tokens


def close_caption(
    tokens: tf.Tensor, begin: int, end: int, padding: int
) -> tf.Tensor:
    """Gives decoded tokens the form of a text that was tokenised.

    Args:
        tokens: int32 [batch, length], e.g. of `beam_search`.
        begin, end, padding: ids of [CLS], [SEP] and [PAD].

    Returns:
        int32 [batch, length + 1]: `begin`, the tokens, `end`, padding; `end` takes the
        place of the last token where a sequence has none.
    """
    ends = tf.cast(tf.equal(tokens, end), tf.int32)
    after = tf.cumsum(ends, axis=1, exclusive=True) > 0
    tokens = tf.where(after, padding, tokens)
    batch = tf.shape(tokens)[0]
    last = tf.where(
        tf.reduce_any(ends > 0, axis=1, keepdims=True), tokens[:, -1:],
        tf.fill([batch, 1], end),
    )
    return tf.concat([tf.fill([batch, 1], begin), tokens[:, :-1], last], axis=1)


def beam_search(
    step: Callable[[tf.Tensor, tf.Tensor, Any], Tuple[tf.Tensor, Any]],
    state: Any,
    batch: tf.Tensor,
    first: int,
    end: int,
    max_length: int,
    beams: int = 1,
    length_power: float = 0.7,
    no_repeat: int = 0,
) -> Tuple[tf.Tensor, tf.Tensor, Any]:
    """Finds the likeliest sequence of each example; one beam is greedy search.

    Args:
        step: (index of the step int32 scalar, tokens int32 [batch * beams],
            state) -> (log-probabilities [batch * beams, vocabulary], state).
            Beams of an example stand next to each other.
        state: nested tensors [batch, ...] before the first step.
        batch: number of examples, int32 scalar.
        first, end: tokens that begin and end a sequence.
        max_length: of a sequence, without `first` and with `end`.
        beams: sequences that are followed at a time.
        length_power: finished sequences are compared by their log-probability
            over length to this power.
        no_repeat: no sequence holds so many tokens in a row twice, 2 or more;
            0 lets it.

    Returns:
        Tokens int32 [batch, max_length], `end` where a sequence has ended;
        its score float32 [batch]; and its last state.
    """
    rows = batch * beams
    state = tf.nest.map_structure(lambda x: tf.repeat(x, beams, axis=0), state)
    # All beams of an example begin alike: only the first may go on.
    scores = tf.tile([0.0] + [_NEVER] * (beams - 1), [batch])
    tokens = tf.fill([rows, max_length], end)
    last = tf.fill([rows], first)
    ended = tf.zeros([rows], tf.bool)
    lengths = tf.zeros([rows], tf.int32)

    def going_on(index, ended, *_):
        return tf.logical_and(index < max_length, tf.logical_not(tf.reduce_all(ended)))

    def advance(index, ended, last, scores, lengths, tokens, state):
        log_probabilities, state = step(index, last, state)
        log_probabilities = _forbid_repeats(log_probabilities, tokens, index, no_repeat)
        vocabulary = tf.shape(log_probabilities)[1]
        # An ended sequence has one way to go on, and that costs nothing.
        stays = _NEVER * (1.0 - tf.one_hot(tf.fill([rows], end), vocabulary))
        log_probabilities = tf.where(ended[:, None], stays, log_probabilities)
        total = scores[:, None] + log_probabilities
        total = tf.reshape(total, [-1, beams * vocabulary])
        scores, chosen = tf.math.top_k(total, beams)
        parent = tf.range(tf.shape(total)[0])[:, None] * beams + chosen // vocabulary
        parent = tf.reshape(parent, [-1])
        last = tf.reshape(chosen % vocabulary, [-1])
        if beams > 1:
            state = tf.nest.map_structure(lambda x: tf.gather(x, parent), state)
            tokens, ended, lengths = (
                tf.gather(x, parent) for x in (tokens, ended, lengths)
            )
        lengths += tf.cast(tf.logical_not(ended), tf.int32)
        place = tf.one_hot(index, max_length, dtype=tf.int32)
        tokens += place * (last - end)[:, None]
        ended = tf.logical_or(ended, last == end)
        return index + 1, ended, last, tf.reshape(scores, [-1]), lengths, tokens, state

    _, _, _, scores, lengths, tokens, state = tf.while_loop(
        going_on, advance, (0, ended, last, scores, lengths, tokens, state)
    )
    scores /= tf.cast(tf.maximum(lengths, 1), tf.float32) ** length_power
    scores = tf.reshape(scores, [batch, beams])
    best = tf.range(batch) * beams + tf.argmax(scores, axis=1, output_type=tf.int32)
    return (
        tf.gather(tokens, best),
        tf.reduce_max(scores, axis=1),
        tf.nest.map_structure(lambda x: tf.gather(x, best), state),
    )
