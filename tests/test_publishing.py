"""A published model gives back what its run computes."""

import json
import os

import numpy as np
import pytest
import tensorflow as tf

import kaleido
from kaleido import model_folder, publishing, workdir
from kaleido.files import write_json
from kaleido.provenance import model_fingerprint
from kaleido.result_tables import Result
from kaleido.text import Tokenizer
from tests import tiny_records
from tests.serving.test_saved_model import pictures
from tests.untrained_runs import untrained

ABOUT = {
    "name": "A tiny one", "data": "Two pictures.", "licence": "Apache-2.0",
    "limits": "It has learnt nothing.",
}
# Of a classification, whose card has the fewest figures.
SCORES = {
    "task": "category", "inputs": "both", "split": "test",
    "rows": [
        {
            "name": "ours", "accuracy": 0.5, "top_3": 1.0, "macro_f": 0.5,
            "macro_f_union": 0.5, "calibration_error": 0.1,
        }
    ],
}


@pytest.fixture(scope="module")
def run(efficientnet_file, tmp_path_factory):
    return untrained(str(tmp_path_factory.mktemp("run") / "model"))


# 60 s for all: a backbone, two exports, two loads.
slow = pytest.mark.slow


@slow
def test_a_published_model_is_the_run(run, tmp_path):
    output = str(tmp_path / "published")
    run_, networks, _ = workdir.load_networks(run)
    scores = Result(
        "ours", {**SCORES, "provenance": {"model": model_fingerprint(networks)}},
        {"right_ours": np.array([True, False]), "ids": np.array(["a", "b"])},
    )
    publishing.publish([run], output, ABOUT, [scores])
    model = kaleido.load(output)
    assert model.parts == ["search"]
    images, texts = pictures(), ["word1 word2", "word30"]
    vectors = model.embed_texts(texts)
    ids = Tokenizer(tiny_records.VOCABULARY)(tf.constant(texts), 12)
    np.testing.assert_allclose(vectors, networks.text({"token_ids": ids}), atol=1e-5)
    # Bytes and paths are the same picture; more than a batch, one after the other.
    path = tmp_path / "a.jpg"
    path.write_bytes(images[0])
    many = model.embed_images([path, images[1]] * 17)
    assert many.shape == (34, 32 + 8)
    np.testing.assert_allclose(many[:2], model.embed_images(images), atol=1e-5)
    np.testing.assert_allclose(many[32:], many[:2], atol=1e-5)
    match = model.match(images, texts)
    assert match.shape == (2,) and ((0 < match) & (match < 1)).all()
    # And the run itself can be used again.
    _, again, _ = workdir.load_networks(os.path.join(output, "search", "run"))
    for ours, other in zip(again.joint.weights, networks.joint.weights):
        np.testing.assert_array_equal(ours.numpy(), other.numpy())
    card = (tmp_path / "published" / "README.md").read_text()
    for said in (*ABOUT.values(), run_.spec.backbone_fingerprint, "kaleido.load"):
        assert said in card
    for message, ask in {
        "no part 'caption'": lambda: model.caption(images),
        "'images': 2, 'texts': 1": lambda: model.match(images, texts[:1]),
    }.items():
        with pytest.raises(ValueError, match=message):
            ask()
    with pytest.raises(ValueError, match="is there already"):
        publishing.publish([run], output, ABOUT, [])


@slow
def test_scores_of_another_model_are_refused(run, tmp_path):
    output = tmp_path / "published"
    other = Result("other", {**SCORES, "provenance": {"model": "0" * 16}}, {})
    with pytest.raises(ValueError, match=f"other=.* Received: {'0' * 16}"):
        publishing.publish([run], str(output), ABOUT, [other])
    assert not output.exists()


def test_two_runs_are_not_one_part(tmp_path):
    with pytest.raises(ValueError, match="One run a part: 'search'"):
        publishing.publish(["a", "b"], str(tmp_path / "out"), ABOUT, [])
    write_json(str(tmp_path / "job.json"), {"finetuning": {"task": "itr"}})
    assert publishing.part_of(str(tmp_path)) == "search"
    write_json(str(tmp_path / "job.json"), {"finetuning": {"task": "caption"}})
    assert publishing.part_of(str(tmp_path)) == "caption"


def test_a_card_must_say_what_a_user_needs(tmp_path):
    path = tmp_path / "about.json"
    path.write_text(json.dumps({"name": "x", "data": "y"}))
    with pytest.raises(ValueError, match=r"must say \['licence', 'limits'\]"):
        publishing.read_about(str(path))


def test_what_is_not_there_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="no model.json"):
        kaleido.load(str(tmp_path))
    with pytest.raises(ValueError, match="python -m experiments.quickstart"):
        kaleido.load("small-rendered")
    assert set(model_folder.NAMED) == {"small-rendered"}
