"""A model's fingerprint is that of its weights, and results say what made them."""

import importlib.metadata

import numpy as np
import tensorflow as tf

import kaleido
from kaleido.models import networks_for
from kaleido.provenance import model_fingerprint, provenance
from tests import tiny_records


def build(seed):
    tf.keras.utils.set_random_seed(seed)
    return networks_for(tiny_records.tiny_config(), tiny_records.tiny_spec())


def test_the_fingerprint_is_of_weights_whatever_they_are_called():
    one, same, other = build(0), build(0), build(1)
    assert model_fingerprint(one) == model_fingerprint(same)
    assert model_fingerprint(one) != model_fingerprint(other)
    # The smallest change of one weight of any pass shows.
    for name in ("joint", "text", "image"):
        weight = getattr(same, name).weights[-1]
        before = weight.numpy()
        weight.assign(np.nextafter(before, np.float32(9)))
        assert model_fingerprint(same) != model_fingerprint(one)
        weight.assign(before)
    assert model_fingerprint(same) == model_fingerprint(one)


def test_results_say_what_made_them(tmp_path):
    records = tiny_records.write_tiny_records(str(tmp_path), 8, 0)
    networks = build(0)
    made = provenance(networks, records, seed=3)
    versions = made.pop("versions")
    libraries = ["tensorflow", "numpy", "scikit-learn"]
    assert {name: versions[name] for name in ["kaleido", *libraries]} == {
        "kaleido": kaleido.__version__,
        **{name: importlib.metadata.version(name) for name in libraries},
    }
    head = tf.keras.layers.Dense(2)
    head.build([None, 3])
    with_head = provenance(networks, records, 3, [head])["model"]
    head.bias.assign([1.0, 0.0])
    assert len({
        made["model"], with_head, provenance(networks, records, 3, [head])["model"]
    }) == 3
    assert made == {
        "seed": 3,
        "precision": "float32",
        "model": model_fingerprint(networks),
        "records": records.content,
    }
