"""The captioner computes Show-Attend-Tell, learns to describe, and looks at things."""

import numpy as np
import pytest
import tensorflow as tf

from kaleido import captioner_training as training
from kaleido.alignment_generator import (
    AlignmentGenerator,
    load_network,
    network_path,
    require_network,
)
from kaleido.caption_pairs import Pairs
from kaleido.captioner import (
    DOUBLY_STOCHASTIC,
    Captioner,
    CaptionerSpec,
    caption_loss,
)
from kaleido.grid_features import GRID
from kaleido.grounding import Grounder, GrounderSpec, grounding_loss
from kaleido.known_pieces import known_pieces
from kaleido.text import RESERVED, Vocabulary
from kaleido.weights_file import save_weights

WORDS = ("red", "blue", "green", "round", "square", "long")
VOCABULARY = Vocabulary((*RESERVED, *WORDS, "rare"))
PAD, UNK, CLS, SEP = 0, 1, 2, 3
CHANNELS = 8


def spec(kind=CaptionerSpec, **sizes):
    return kind(
        pieces=(PAD, UNK, CLS, SEP, *range(5, 11)), channels=CHANNELS,
        vocabulary_fingerprint=VOCABULARY.fingerprint, backbone_fingerprint="b", **sizes
    )


def small(**sizes):
    sizes = {"units": 24, "embedding": 12, "attention": 16, **sizes}
    network = Captioner(spec(**sizes), VOCABULARY)
    batch = pairs(2)
    network(batch.batch(np.arange(2)))
    return network


def pairs(count, seed=0):
    """Pictures of three of six things at random places; texts name them."""
    rng = np.random.default_rng(seed)
    grids = rng.normal(0, 0.1, (count, GRID, GRID, CHANNELS)).astype(np.float16)
    ids = np.zeros((count, 16), np.int32)
    places = np.zeros((count, 3, 2), np.int64)
    for i in range(count):
        words = np.sort(rng.choice(6, 3, replace=False))
        spots = rng.choice(25, 3, replace=False)
        for k, (word, spot) in enumerate(zip(words, spots)):
            y, x = 1 + 2 * (spot // 5), 1 + 2 * (spot % 5)
            grids[i, y : y + 2, x : x + 2, word] += 3.0
            places[i, k] = y, x
        ids[i, :5] = [CLS, *(5 + words), SEP]
    found = Pairs(grids, ids, np.zeros(count, np.int32))
    object.__setattr__(found, "places", places)
    return found


def test_a_step_is_the_papers():
    """Two steps against numpy: attention, gate, LSTM, deep output (eq. 1-9)."""
    tf.keras.utils.set_random_seed(1)
    network = small()
    for weight in network.weights:
        weight.assign(tf.random.normal(weight.shape, stddev=0.4))
    one = pairs(1)
    batch = one.batch(np.arange(1))
    outputs = network(batch)
    w = {v.name.split("captioner/")[-1].split(":")[0]: v.numpy() for v in
         network.weights}

    def pick(*parts):
        names = [n for n in w if all(p in n for p in parts)]
        assert len(names) == 1, (parts, names)
        return w[names[0]]

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    cells = one.grids[0].reshape(-1, CHANNELS).astype(np.float64)
    centred = cells - cells.mean(-1, keepdims=True)
    cells = centred / np.sqrt(cells.var(-1, keepdims=True) + 1e-3)
    cells = cells * pick("normalize", "gamma") + pick("normalize", "beta")
    a = np.maximum(cells @ pick("annotate", "kernel") + pick("annotate", "bias"), 0)
    first = np.tanh(
        a.mean(0) @ pick("first_state", "kernel") + pick("first_state", "bias")
    )
    h, c = np.split(first, 2)
    ids = batch["token_ids"].numpy()[0]
    assert ids[0] == CLS
    # The second step has the first one's states.
    for step, piece in enumerate(network.piece_indices(ids[:2]).numpy()):
        y = pick("embed", "embeddings")[piece]
        energy = np.tanh(
            a @ pick("project", "kernel") + pick("project", "bias")
            + h @ pick("query", "kernel")
        ) @ pick("energy", "kernel")
        alpha = np.exp(energy[:, 0]) / np.exp(energy[:, 0]).sum()
        z = sigmoid(h @ pick("gate", "kernel") + pick("gate", "bias")) * (alpha @ a)
        gates = (
            np.concatenate([y, z]) @ pick("lstm/kernel")
            + h @ pick("lstm/recurrent_kernel") + pick("lstm/bias")
        )
        i, f, g, o = np.split(gates, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        deep = np.tanh(
            y + h @ pick("from_hidden", "kernel") + pick("from_hidden", "bias")
            + z @ pick("from_context", "kernel")
        )
        logits = deep @ pick("to_pieces", "kernel") + pick("to_pieces", "bias")
        np.testing.assert_allclose(outputs["maps"][0, step], alpha, atol=1e-5)
        np.testing.assert_allclose(outputs["logits"][0, step], logits, atol=1e-4)


@pytest.mark.parametrize("beams", [1, 3])
def test_generating_and_reading_give_the_same_maps(beams):
    tf.keras.utils.set_random_seed(2)
    network = small()
    grid = tf.constant(pairs(4).grids)
    ids, maps = network.generate(grid, 16, beams)
    assert (ids.numpy()[:, 0] == CLS).all()
    read = network.maps(grid, ids).numpy()
    for row, generated, again in zip(ids.numpy(), maps.numpy(), read):
        # One [SEP], padding behind it; nothing that is never written.
        end = row.tolist().index(SEP)
        assert (row[end + 1 :] == PAD).all()
        assert not set(row[1:end].tolist()) & {PAD, UNK, CLS}
        np.testing.assert_allclose(
            generated[1 : end + 1], again[1 : end + 1], atol=1e-5
        )
        np.testing.assert_allclose(generated[1 : end + 1].sum((1, 2)), 1, atol=1e-5)


@pytest.mark.parametrize("rows", [4, None])
@pytest.mark.parametrize("beams", [1, 3])
def test_captions_are_written_in_a_graph_of_a_known_or_unknown_batch(rows, beams):
    network, grid = small(), tf.constant(pairs(4).grids)
    write = tf.function(
        lambda grid: network.generate(grid, 16, beams),
        input_signature=[tf.TensorSpec([rows, *grid.shape[1:]], grid.dtype)],
    )
    expected, found = network.generate(grid, 16, beams), write(grid)
    np.testing.assert_array_equal(found[0], expected[0])
    np.testing.assert_allclose(found[1], expected[1], atol=1e-5)


def test_pieces_that_it_does_not_know_are_unknown():
    network = small()
    np.testing.assert_array_equal(
        network.piece_indices(tf.constant([5, 10, 11, UNK])), [4, 9, 1, 1]
    )


def test_known_pieces_are_those_that_occur_often_enough():
    ids = np.array([[CLS, 5, 5, 6, SEP], [CLS, 5, 6, 7, SEP]])
    assert known_pieces(ids, VOCABULARY, at_least=2) == (0, 1, 2, 3, 5, 6)


def test_the_penalty_is_least_where_each_cell_gets_its_share():
    class Fixed:
        def __init__(self, maps):
            self.maps = maps

        def piece_indices(self, ids):
            return tf.zeros_like(ids)

        def __call__(self, batch, training):
            return {"logits": tf.zeros([1, 2, 4]), "maps": self.maps}

    batch = {"token_ids": tf.constant([[CLS, 5, SEP]])}
    cells = 4
    even = tf.fill([1, 2, cells], 0.25)
    peak = tf.one_hot([[0, 0]], cells)
    losses = [
        float(caption_loss(Fixed(maps), batch, False)["loss"])
        for maps in (even, peak)
    ]
    # ln 4 a piece; the mean of (1 - 1/2)^2 four times, or of (1 - 2)^2 and three 1s.
    weight = DOUBLY_STOCHASTIC
    assert losses[0] == pytest.approx(np.log(4) + weight * 0.25, abs=1e-5)
    assert losses[1] == pytest.approx(np.log(4) + weight * 1.0, abs=1e-5)


def trained(network, loss, tmp_path, epochs=12, **options):
    splits = {"train": pairs(512), "validation": pairs(64, seed=1)}
    log = training.train(
        network, loss, splits, str(tmp_path), epochs, 32, 1e-2, epochs, 0, **options
    )
    return splits, log


# 30 s of processor time.
@pytest.mark.slow
def test_it_learns_to_name_what_it_sees(tmp_path):
    tf.keras.utils.set_random_seed(0)
    network = small()
    _, log = trained(network, caption_loss, tmp_path, epochs=40)
    # Three of six words in order: without the picture ln(20) / 4 a piece at best.
    assert log["epochs"][log["best"]]["nats"] < 0.6 * np.log(20) / 4


# 30 s of processor time.
@pytest.mark.slow
def test_the_grounder_finds_the_things_that_words_name(tmp_path):
    network = Grounder(spec(GrounderSpec, size=16), VOCABULARY)
    splits, _ = trained(network, grounding_loss, tmp_path, epochs=8)
    some = splits["validation"]
    maps = network.maps(tf.constant(some.grids), tf.constant(some.token_ids)).numpy()
    hits = []
    for i in range(len(some)):
        for k, (y, x) in enumerate(some.places[i]):
            row, column = np.divmod(maps[i, 1 + k].argmax(), GRID)
            hits.append(y <= row < y + 2 and x <= column < x + 2)
    # Four of 196 cells by chance.
    assert np.mean(hits) > 0.8


def test_a_phrase_that_all_texts_share_asks_nothing():
    network = Grounder(spec(GrounderSpec, size=16), VOCABULARY)
    one = pairs(1).batch(np.zeros(4, int))
    figures = grounding_loss(network, one, False)
    assert float(figures["pieces"]) == 0.0 and float(figures["loss"]) == 0.0
    assert float(grounding_loss(network, pairs(4).batch(np.arange(4)), False)["nats"])


def test_training_goes_on_where_it_was(tmp_path, monkeypatch):
    splits = {"train": pairs(64), "validation": pairs(32, seed=1)}

    def run(folder, seed=0):
        tf.keras.utils.set_random_seed(4)
        network = small()
        # Dropout masks are the one thing that a run that goes on draws anew.
        network.dropout.rate = 0.0
        log = training.train(
            network, caption_loss, splits, str(tmp_path / folder), 3, 32,
            1e-2, 5, seed=seed,
        )
        return network.get_weights(), log

    weights, log = run("a")
    save = tf.train.CheckpointManager.save

    def save_and_stop(manager, checkpoint_number):
        save(manager, checkpoint_number=checkpoint_number)
        if checkpoint_number == 2 and manager.directory.endswith("last"):
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(tf.train.CheckpointManager, "save", save_and_stop)
        with pytest.raises(KeyboardInterrupt):
            run("b")
    resumed, again = run("b")
    assert again == log and len(log["epochs"]) == 3
    for one, other in zip(weights, resumed):
        np.testing.assert_allclose(one, other, atol=1e-6)
    with pytest.raises(ValueError, match="another job.*seed: 0 there, 1 asked for"):
        run("b", seed=1)


@pytest.mark.parametrize(
    "patience, epochs, best", [(0, 3, 1), (1, 3, 1), (2, 4, 1), (3, 6, 4)]
)
def test_training_ends_when_validation_gets_no_better(
    tmp_path, patience, epochs, best
):
    # Validation, epoch by epoch: the second is better than the first, the fifth is the
    # best of all.
    judged = iter([3.0, 2.0, 2.5, 2.2, 1.0, 1.5])

    def loss(network, batch, training):
        value = caption_loss(network, batch, training)
        if training:
            return value
        nats = tf.numpy_function(lambda: np.float32(next(judged)), [], tf.float32)
        return {**value, "nats": nats, "pieces": 1.0}

    splits = {"train": pairs(32), "validation": pairs(32, seed=1)}
    log = training.train(
        small(), loss, splits, str(tmp_path), 6, 32, 1e-2, patience, 0
    )
    assert (len(log["epochs"]), log["best"]) == (epochs, best)


def test_too_few_pairs_are_one_clear_error(tmp_path):
    with pytest.raises(ValueError, match="batch of 32 training pairs"):
        training.train(
            small(), caption_loss,
            {"train": pairs(8), "validation": pairs(8)}, str(tmp_path), 1, 32, 1e-3,
            1, 0,
        )


# Files


def written(tmp_path, network=None):
    network = network or small()
    card = {"network": network.name, "spec": vars(network.spec)}
    save_weights(network, str(tmp_path / "captioner.npz"), card)
    return str(tmp_path / "captioner.npz")


def test_a_captioner_comes_back_from_its_file(tmp_path):
    source = small()
    found = load_network(written(tmp_path, source), VOCABULARY)
    batch = pairs(3).batch(np.arange(3))
    np.testing.assert_allclose(
        found(batch)["maps"], source(batch)["maps"], atol=2e-3
    )
    assert found.spec == source.spec


@pytest.mark.parametrize(
    "change",
    [
        lambda spec: {**spec, "layers": 2},
        lambda spec: {k: v for k, v in spec.items() if k != "pieces"},
        lambda spec: {**spec, "pieces": [*spec["pieces"], 99]},
    ],
    ids=["a field more", "no pieces", "a piece out of range"],
)
def test_another_versions_spec_is_one_clear_error(tmp_path, change):
    network = small()
    path = str(tmp_path / "captioner.npz")
    card = {"network": "captioner", "spec": change(vars(network.spec))}
    save_weights(network, path, card)
    with pytest.raises(ValueError, match="captioner.npz holds the spec of another"):
        load_network(path, VOCABULARY)


def test_another_vocabulary_is_refused(tmp_path):
    other = Vocabulary((*RESERVED, *WORDS, "other"))
    with pytest.raises(ValueError, match="captioner.npz.*another vocabulary"):
        load_network(written(tmp_path), other)


def test_a_damaged_captioner_is_named(tmp_path):
    path = written(tmp_path)
    with open(path, "r+b") as file:
        file.truncate(500)
    with pytest.raises(ValueError, match="captioner.npz.*damaged"):
        AlignmentGenerator("generated", str(tmp_path), VOCABULARY)
    with pytest.raises(FileNotFoundError):
        AlignmentGenerator("grounded", str(tmp_path), VOCABULARY)


def test_another_backbones_captioner_is_refused(tmp_path, efficientnet_file):
    written(tmp_path)
    with pytest.raises(ValueError, match="another backbone's grids"):
        AlignmentGenerator("teacher_forced", str(tmp_path), VOCABULARY)


def test_a_missing_network_is_named_with_what_makes_it(tmp_path):
    """A folder may hold one of the two; to ask for the other's path is no error."""
    written(tmp_path)
    path = network_path("grounded", str(tmp_path))
    assert path == str(tmp_path / "grounder.npz")
    there = require_network("generated", str(tmp_path))
    assert there == str(tmp_path / "captioner.npz")
    with pytest.raises(FileNotFoundError, match="grounder.npz.*train_captioner"):
        require_network("grounded", str(tmp_path))
