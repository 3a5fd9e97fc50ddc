"""Weights come back as they were; damaged and foreign files are told apart."""

import numpy as np
import pytest
import tensorflow as tf

from kaleido import weights_file


def network(units=3):
    inputs = tf.keras.Input((2,))
    hidden = tf.keras.layers.Dense(units)(inputs)
    return tf.keras.Model(inputs, tf.keras.layers.Dense(1)(hidden), name="small")


def test_weights_and_card_come_back(tmp_path):
    path = str(tmp_path / "w.npz")
    source, target = network(), network()
    weights_file.save_weights(source, path, {"command": "train", "score": 0.5})
    weights_file.load_weights(target, path)
    for mine, theirs in zip(source.get_weights(), target.get_weights()):
        np.testing.assert_array_equal(mine.astype(np.float16), theirs)
        assert theirs.dtype == np.float32
    assert weights_file.read_card(path) == {"command": "train", "score": 0.5}
    assert not list(tmp_path.glob("*.tmp"))


@pytest.mark.parametrize("keep", [0, 1, 50, 200, -1])
def test_a_damaged_file_is_named(tmp_path, keep):
    path = tmp_path / "w.npz"
    weights_file.save_weights(network(), str(path), {})
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match="w.npz is no weights file.*damaged"):
        weights_file.load_weights(network(), str(path))


def test_a_flipped_bit_is_found(tmp_path):
    path = tmp_path / "w.npz"
    weights_file.save_weights(network(), str(path), {})
    data = bytearray(path.read_bytes())
    data[data.index(b".npy") + 60] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(ValueError, match="w.npz"):
        weights_file.load_weights(network(), str(path))


def test_another_networks_weights_are_refused(tmp_path):
    path = str(tmp_path / "w.npz")
    weights_file.save_weights(network(4), path, {})
    with pytest.raises(ValueError, match="another network than small"):
        weights_file.load_weights(network(3), path)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e5, -1e5])
def test_weights_that_float16_cannot_hold_are_refused(tmp_path, value):
    broken = network()
    broken.layers[-1].bias.assign([value])
    with pytest.raises(ValueError, match="float16 cannot hold .* small.*bias"):
        weights_file.save_weights(broken, str(tmp_path / "w.npz"), {})
    assert not list(tmp_path.iterdir())


def test_the_fingerprint_is_that_of_weights_and_spec(tmp_path):
    def fingerprint(source, card):
        path = str(tmp_path / "w.npz")
        weights_file.save_weights(source, path, card)
        return weights_file.file_fingerprint(path)

    source = network()
    first = fingerprint(source, {"spec": {"size": 1}, "seconds": 3})
    assert fingerprint(source, {"spec": {"size": 1}, "seconds": 4}) == first
    assert fingerprint(source, {"spec": {"size": 2}, "seconds": 3}) != first
    source.layers[-1].bias.assign([0.5])
    assert fingerprint(source, {"spec": {"size": 1}, "seconds": 3}) != first


def test_a_missing_file_is_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        weights_file.load_weights(network(), str(tmp_path / "none.npz"))
