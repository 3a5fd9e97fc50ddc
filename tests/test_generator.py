"""The generator: who sees whom, cached decoding, and that it learns to caption."""

import numpy as np
import pytest
import tensorflow as tf

from kaleido.generator import NO_REPEAT, Generator, sequence_to_sequence_visible
from kaleido.layers.copying import LONGEST, Copied, count_matches
from kaleido.patches import LAYOUTS
from kaleido.text import CLS, PAD, SEP, Vocabulary
from tests.test_models import VOCABULARY, build, inputs

PIECES = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
WORDS = Vocabulary(PIECES + tuple(f"w{i}" for i in range(VOCABULARY - len(PIECES))))
LENGTH = 9


@pytest.fixture(scope="module", params=["shared", "per_level"])
def generator(request):
    return Generator(build(projection=request.param), WORDS)


def pictures(batch=3, seed=0):
    drawn = inputs(batch, LENGTH, seed)
    return drawn["patch_features"], drawn["patch_positions"]


def texts(batch=3, seed=0):
    token_ids = inputs(batch, LENGTH, seed)["token_ids"]
    token_ids[:, 0] = WORDS.ids[CLS]
    return token_ids


def logits_of(generator, *inputs):
    """Of the pieces 1, 2, ... of given captions."""
    return generator.scores(generator.states(*inputs))


def test_words_see_patches_and_earlier_words_and_patches_see_patches():
    there = tf.constant([[True, True, True, False]])
    visible = sequence_to_sequence_visible(there, 2).numpy()[0].astype(int)
    assert visible.tolist() == [
        [1, 0, 0, 0, 1, 1],
        [1, 1, 0, 0, 1, 1],
        [1, 1, 1, 0, 1, 1],
        [1, 1, 1, 0, 1, 1],  # padding looks, and nobody looks at it
        [0, 0, 0, 0, 1, 1],
        [0, 0, 0, 0, 1, 1],
    ]


def test_no_word_sees_a_later_one(generator):
    token_ids = texts()
    before = logits_of(generator, token_ids, *pictures()).numpy()
    for place in range(1, LENGTH - 1):
        changed = token_ids.copy()
        changed[:, place] = (changed[:, place] + 1 - 5) % (VOCABULARY - 5) + 5
        after = logits_of(generator, changed, *pictures()).numpy()
        # Logits `place` are those of the piece after it.
        np.testing.assert_allclose(after[:, :place], before[:, :place], atol=1e-5)
        assert (np.abs(after - before)[:, place:].max(axis=(0, 2)) > 1e-3).all()


def test_every_word_sees_the_picture(generator):
    before = logits_of(generator, texts(), *pictures()).numpy()
    features, positions = pictures()
    features[:, 30] += 1.0
    after = logits_of(generator, texts(), features, positions).numpy()
    assert (np.abs(after - before).max(axis=2) > 1e-4).all()


def by_hand(generator, picture, steps, evidence=None):
    """Greedy decoding of one picture that computes all anew at each step.

    `evidence` of pieces, float [pieces], is for those that are not written yet.
    """
    written = [WORDS.ids[CLS]]
    never = [i for i, piece in enumerate(WORDS.pieces) if piece in PIECES]
    never.remove(WORDS.ids[SEP])
    for _ in range(steps):
        # The last piece of the input is only asked for.
        ids = np.array([[*written, 0]], np.int32)
        logits = logits_of(generator, ids, *picture).numpy()[0, -1]
        if evidence is not None:
            unsaid = ~np.isin(np.arange(len(evidence)), written)
            logits += evidence * unsaid
        logits[never] = -np.inf
        for start in range(len(written) - NO_REPEAT + 1):
            run = written[start : start + NO_REPEAT]
            if start and run[:-1] == written[-NO_REPEAT + 1 :]:
                logits[run[-1]] = -np.inf
        written.append(int(logits.argmax()))
        if written[-1] == WORDS.ids[SEP]:
            break
    return written


def test_cached_decoding_writes_what_uncached_decoding_does(generator):
    features, positions = pictures(4)
    run = tf.function(lambda f, p: generator.generate(f, p, LENGTH))
    found = run(features, positions).numpy()
    for row in range(4):
        expected = by_hand(
            generator, (features[row : row + 1], positions[row : row + 1]), LENGTH - 1
        )
        if len(expected) == LENGTH:
            expected[-1] = WORDS.ids[SEP]
        padded = expected + [WORDS.ids[PAD]] * (LENGTH - len(expected))
        assert found[row].tolist() == padded


def test_evidence_is_for_what_is_not_written_yet(generator):
    speaker = Generator(generator._networks, WORDS, layout=LAYOUTS["kaleido"])
    features, positions = pictures(4)
    silent = speaker.generate(features, positions, LENGTH).numpy()
    np.testing.assert_array_equal(
        silent, generator.generate(features, positions, LENGTH).numpy()
    )
    rng = np.random.default_rng(0)
    kernel, bias, shares, trust = speaker.evidence.weights
    bias.assign(rng.uniform(0.0, 1.0, bias.shape))
    kernel.assign(rng.normal(0, 0.1, kernel.shape))
    shares.assign(tf.fill(shares.shape, 0.2))
    trust.assign(3.0)
    evidence = speaker.picture_evidence(features).numpy()
    found = speaker.generate(features, positions, LENGTH).numpy()
    assert (found != silent).any()
    for row in range(4):
        picture = features[row : row + 1], positions[row : row + 1]
        expected = by_hand(generator, picture, LENGTH - 1, evidence[row])
        if len(expected) == LENGTH:
            expected[-1] = WORDS.ids[SEP]
        padded = expected + [WORDS.ids[PAD]] * (LENGTH - len(expected))
        assert found[row].tolist() == padded
    # Beams carry what each of them has written.
    first = speaker.generate(features[:1], positions[:1], LENGTH, beams=3).numpy()
    again = speaker.generate(features, positions, LENGTH, beams=3).numpy()
    np.testing.assert_array_equal(first[0], again[0])


def context_ids(batch=3):
    """Texts of unlike lengths."""
    ids = texts(batch, seed=1)
    ids[1:, 5:] = WORDS.ids[PAD]
    return ids


def copying_logits(generator, token_ids, picture, ids):
    """Of the pieces 1, 2, ... of given captions, each place a row."""
    states = generator.states(token_ids, *picture)
    length = states.shape[1]
    matches = count_matches(tf.constant(token_ids[:, :-1]), tf.constant(ids))
    copied = Copied(
        tf.reshape(matches, [-1, ids.shape[1]]),
        tf.repeat(generator.followers(tf.constant(ids)), length, axis=0),
    )
    logits = generator.scores(tf.reshape(states, [-1, states.shape[2]]), copied)
    return tf.reshape(logits, [len(token_ids), length, -1])


@pytest.fixture(scope="module")
def copier(generator):
    return Generator(generator._networks, WORDS, copies=True)


def test_what_is_copied_is_likelier_and_all_is_one_still(generator, copier):
    token_ids, ids = texts(), context_ids()
    plain = tf.nn.softmax(logits_of(generator, token_ids, *pictures())).numpy()
    found = np.exp(copying_logits(copier, token_ids, pictures(), ids))
    np.testing.assert_allclose(found.sum(axis=2), 1.0, atol=1e-5)
    # [CLS] begins both: what comes next there is what may come here.
    for row in range(3):
        assert found[row, 0, ids[row, 1]] > plain[row, 0, ids[row, 1]]
    # Padding says nothing.
    longer = np.pad(ids, [[0, 0], [0, 4]])
    np.testing.assert_allclose(
        np.exp(copying_logits(copier, token_ids, pictures(), longer)), found, atol=1e-6
    )


def test_who_trusts_a_context_writes_it(generator):
    copier = Generator(generator._networks, WORDS, copies=True)
    copier.copying.trust.assign_add(tf.fill([LONGEST + 1], 100.0))
    copier.copying.opinion.assign([0.0, 0.0])
    ids = context_ids()
    # A piece that comes twice is gone on from as the longer match says.
    ids[0, 1:7] = 20, 21, 22, 23, 21, WORDS.ids[SEP]
    ids[0, 7:] = ids[1:, 5:] = WORDS.ids[PAD]
    ids[1:, 4] = WORDS.ids[SEP]
    for beams in (1, 3):
        written = copier.generate(*pictures(), LENGTH, beams, context_ids=ids)
        np.testing.assert_array_equal(written, ids)


@pytest.mark.parametrize("beams", [1, 3])
@pytest.mark.parametrize("context", [None, context_ids(2)])
def test_cached_logits_are_the_uncached_ones(generator, copier, beams, context):
    token_ids, picture = texts(2), pictures(2)
    if context is None:
        expected = logits_of(generator, token_ids, *picture)
    else:
        generator = copier
        expected = copying_logits(generator, token_ids, picture, context)
    expected = tf.nn.log_softmax(expected + generator._never)
    steps = LENGTH - 1
    memory = generator._remember(*picture, beams, context)
    step, empty = generator._stepper(memory, steps)
    state = tf.nest.map_structure(lambda x: tf.repeat(x, beams, axis=0), empty(2))
    for index in range(steps):
        last = tf.repeat(tf.constant(token_ids[:, index]), beams)
        found, state = step(tf.constant(index), last, state)
        np.testing.assert_allclose(
            found[::beams], expected[:, index], atol=1e-5, rtol=1e-5
        )


def test_pieces_that_are_left_out_are_never_written(generator):
    picture, token_ids = pictures(6), texts()
    everything = generator.generate(*picture, LENGTH).numpy()
    often = np.bincount(everything.ravel(), minlength=VOCABULARY)
    often[: len(PIECES)] = 0
    allowed = np.ones(VOCABULARY, bool)
    allowed[often.argmax()] = False
    # [SEP] needs no permission.
    allowed[: len(PIECES)] = False
    fewer = Generator(generator._networks, WORDS, allowed)
    for written in (
        fewer.generate(*picture, LENGTH), fewer.generate(*picture, LENGTH, beams=3),
        fewer.sample(*picture, LENGTH, tf.constant([0, 1])),
    ):
        assert often.argmax() not in written.numpy()
        assert (written.numpy()[:, 0] == WORDS.ids[CLS]).all()
    # What is left has the logits that it had.
    places = fewer.places(tf.range(VOCABULARY)).numpy()
    assert places[often.argmax()] == -1 and sorted(places)[1] == 0
    expected = logits_of(generator, token_ids, *pictures()).numpy()[..., places >= 0]
    np.testing.assert_allclose(
        logits_of(fewer, token_ids, *pictures()), expected, atol=1e-6
    )


def test_more_beams_find_likelier_captions(generator):
    picture = pictures(6)

    def likelihood(captions):
        logits = logits_of(generator, captions, *picture) + generator._never
        chosen = tf.gather(
            tf.nn.log_softmax(logits), captions[:, 1:], batch_dims=2
        )
        # The forced end of a caption that did not end is nobody's choice.
        return tf.reduce_sum(tf.where(captions[:, 1:] != 0, chosen, 0.0), 1).numpy()

    greedy = generator.generate(*picture, LENGTH, beams=1, length_power=0.0)
    wide = generator.generate(*picture, LENGTH, beams=6, length_power=0.0)
    ended = ((greedy == 0) | (greedy == WORDS.ids[SEP])).numpy()
    assert greedy.shape == wide.shape == (6, LENGTH) and ended.any(axis=1).all()
    assert likelihood(wide).mean() >= likelihood(greedy).mean() - 1e-4


def test_a_seed_draws_the_same_captions_and_a_small_nucleus_is_greedy(generator):
    picture = pictures()

    def sample(seed, nucleus=0.9):
        return generator.sample(
            *picture, LENGTH, tf.constant([0, seed]), nucleus
        ).numpy().tolist()

    assert sample(0) == sample(0)
    assert any(sample(0) != sample(seed) for seed in range(1, 4))
    assert sample(0, 1e-9) == generator.generate(*picture, LENGTH).numpy().tolist()


def test_it_learns_to_write_what_it_sees():
    networks = build(seed=1)
    generator = Generator(networks, WORDS)
    rng = np.random.default_rng(0)
    kinds = rng.normal(size=(4, 1, 6)).astype(np.float32)
    captions = np.array(
        [[2, 5 + k, 10 + k, 5 + k, 3, 0] for k in range(4)], np.int32
    )
    positions = rng.random((8, 55, 5)).astype(np.float32)
    optimizer = tf.keras.optimizers.Adam(3e-3)
    variables = networks.joint.trainable_variables

    @tf.function
    def step(features, token_ids):
        with tf.GradientTape() as tape:
            logits = logits_of(generator, token_ids, features, positions)
            targets = token_ids[:, 1:]
            loss = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)
            loss = tf.reduce_mean(tf.where(targets != 0, loss, 0.0))
        gradients = tape.gradient(loss, variables)
        optimizer.apply_gradients(
            (g, v) for g, v in zip(gradients, variables) if g is not None
        )
        return loss

    def batch():
        which = rng.integers(0, 4, 8)
        noise = rng.normal(0, 0.1, (8, 55, 6))
        return (kinds[which] + noise).astype(np.float32), captions[which]

    for _ in range(60):
        step(*batch())
    features, expected = batch()
    written = generator.generate(features, positions, 6, beams=2).numpy()
    np.testing.assert_array_equal(written, expected)
