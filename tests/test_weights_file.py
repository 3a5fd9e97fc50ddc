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


def test_weights_that_are_no_numbers_are_refused(tmp_path):
    path = str(tmp_path / "w.npz")
    broken = network()
    broken.set_weights([np.full(w.shape, np.nan) for w in broken.get_weights()])
    weights_file.save_weights(broken, path, {})
    with pytest.raises(ValueError, match="no numbers"):
        weights_file.load_weights(network(), path)


def test_a_missing_file_is_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        weights_file.load_weights(network(), str(tmp_path / "none.npz"))
