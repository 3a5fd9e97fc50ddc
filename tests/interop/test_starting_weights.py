"""What a pre-training begins with is what `init` says, or it is refused."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from kaleido import pretraining, warm_start, workdir
from kaleido.interop.starting_weights import load_starting_weights
from kaleido.models import networks_for
from kaleido.records import RecordSpec
from kaleido.text import RESERVED, Vocabulary
from tests import tiny_records
from tests.interop.test_bert import save_file, tiny_bert

WORDS, SPEC = tiny_records.VOCABULARY, tiny_records.tiny_spec()


def build(seed, **training):
    config = tiny_records.tiny_config(training=training)
    tf.keras.utils.set_random_seed(seed)
    return config, networks_for(config, tiny_records.tiny_spec())


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("runs") / "run")
    config, networks = build(1)
    workdir.write_untrained(
        folder, config, tiny_records.tiny_spec(), networks, WORDS, {}
    )
    return folder, networks


def test_random_leaves_everything_as_it_is():
    config, networks = build(0, init="random")
    before = networks.joint.get_weights()
    assert not load_starting_weights(networks, config, WORDS, SPEC)
    for one, other in zip(before, networks.joint.get_weights()):
        np.testing.assert_array_equal(one, other)


def test_a_run_is_taken_over_whole(run):
    folder, theirs = run
    config, networks = build(0, init=folder)
    assert load_starting_weights(networks, config, WORDS, SPEC)
    for model in ("joint", "text", "image"):
        pair = getattr(networks, model).weights, getattr(theirs, model).weights
        for one, other in zip(*pair):
            np.testing.assert_array_equal(one.numpy(), other.numpy())


def test_closed_forms_do_not_undo_what_a_run_has_learnt(run, tmp_path, monkeypatch):
    folder, theirs = run
    records = tiny_records.write_tiny_records(str(tmp_path), 8)
    config, _ = build(0, init=folder, ridge_warm_start=True)

    def refuse(*_):
        raise AssertionError("a closed form was fitted")

    monkeypatch.setattr(warm_start, "fit_or_load", refuse)
    monkeypatch.setattr(warm_start, "apply_feature_norm", refuse)
    networks = pretraining.starting_networks(config, records)
    np.testing.assert_array_equal(
        networks.text_embedding.words.numpy(), theirs.text_embedding.words.numpy()
    )


def test_a_run_of_another_model_or_vocabulary_is_refused(run):
    folder, _ = run
    config, networks = build(0, init=folder)
    other = dataclasses.replace(
        config, model=dataclasses.replace(config.model, gelu="tanh")
    )
    with pytest.raises(ValueError, match="model.gelu: 'exact' there, 'tanh' here"):
        load_starting_weights(networks, other, WORDS, SPEC)
    pieces = Vocabulary((*RESERVED, *tiny_records.WORDS[::-1]))
    with pytest.raises(ValueError, match="other word pieces"):
        load_starting_weights(networks, config, pieces, SPEC)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"layout": "grid8"}, "layout: 'kaleido' there, 'grid8' here"),
        ({"feature_size": 13}, "feature_size: 12 there, 13 here"),
        ({"backbone_fingerprint": "f" * 16}, "backbone_fingerprint: '0000.*'ffff"),
    ],
)
def test_a_run_of_other_patches_is_refused(run, changes, message):
    config, networks = build(0, init=run[0])
    spec = tiny_records.tiny_spec(**changes)
    with pytest.raises(ValueError, match=f"other patches.*{message}"):
        load_starting_weights(networks, config, WORDS, spec)
    # Where the object is, and how many plans there are, is the records' own affair.
    spec = tiny_records.tiny_spec(saliency="border", num_plans=7)
    assert load_starting_weights(networks, config, WORDS, spec)


def test_of_a_converted_run_sizes_alone_are_compared(tmp_path):
    config, networks = build(1, init=str(tmp_path))
    sizes = RecordSpec.of_sizes("kaleido", SPEC.feature_size, len(WORDS), 16)
    workdir.write_untrained(str(tmp_path), config, sizes, networks, WORDS, {})
    assert load_starting_weights(networks, config, WORDS, SPEC)
    spec = tiny_records.tiny_spec(feature_size=13)
    with pytest.raises(ValueError, match="Received: feature_size: 12 there, 13 here$"):
        load_starting_weights(networks, config, WORDS, spec)


def test_a_folder_with_a_bert_is_one(tmp_path):
    save_file(tiny_bert(words=len(WORDS)), str(tmp_path / "model.safetensors"))
    config, networks = build(0, init=str(tmp_path))
    assert not load_starting_weights(networks, config, WORDS, SPEC)
    np.testing.assert_array_equal(
        networks.text_embedding.words.numpy(),
        tiny_bert(words=len(WORDS))["embeddings.word_embeddings.weight"],
    )


def test_what_is_neither_is_refused(tmp_path):
    for init, message in {
        "gpt": "minilm, random, or a local folder. Received: 'gpt'",
        str(tmp_path): "must hold one .safetensors file",
    }.items():
        config, networks = build(0, init=init)
        with pytest.raises(ValueError, match=message):
            load_starting_weights(networks, config, WORDS, SPEC)
