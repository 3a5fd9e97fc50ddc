"""A published model gives back what its run computes."""

import json
import os
import pathlib
import types

import numpy as np
import pytest
import tensorflow as tf

import kaleido
from kaleido import model_folder, publishing, workdir
from kaleido.files import write_json
from kaleido.models import networks_for
from kaleido.provenance import model_fingerprint
from kaleido.reports import model_card
from kaleido.results import Result
from kaleido.text import Tokenizer
from tests import tiny_records
from tests.serving.test_saved_model import pictures
from tests.tasks.tiny_tasks import tiny_finetuning
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
        {
            "right_ours": np.array([True, False]), "ids": np.array(["a", "b"]),
            "products": np.arange(2),
        },
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


def test_scores_that_do_not_say_whose_they_are_name_their_file(tmp_path):
    path = tmp_path / "old.json"
    whose = {"ids": np.array(["a"]), "products": np.array(["a"])}
    np.savez(tmp_path / "old.outcomes.npz", **whose)
    for provenance in ({}, {"provenance": {"seed": 0}}):
        path.write_text(json.dumps({**SCORES, **provenance}))
        with pytest.raises(ValueError, match=f"{path} does not say.*ived: .*'rows'"):
            publishing.read_results([f"ours={path}"])
    path.write_text(json.dumps({**SCORES, "provenance": {"model": "0" * 16}}))
    (result,) = publishing.read_results([f"ours={path}"])
    assert result.name == "ours"
    # And who hands them over otherwise is told whose they are.
    with pytest.raises(ValueError, match="ours=.* Received: None"):
        publishing._check_results([Result("ours", SCORES, {})], {"search": "0" * 16})


def card_of(parts, scores="", **about):
    return model_card.render_markdown(
        "model_card.md",
        {
            "about": {**ABOUT, **about}, "parts": parts, "scores": scores,
            "versions": {"kaleido": "0"},
        },
    )


def part_of_card(folder):
    return {
        "recipe": publishing._recipe(workdir.read_run(folder), folder), "step": 7,
        "model": "1" * 16, "trained_on": workdir.read_run(folder).trained_on,
        "records": "2" * 16, "backbone": "b", "backbone_weights": "3" * 16,
        "vocabulary": "4" * 16, "commands": ["python -m x"],
    }


def trained(folder, finetuning=None, content="5" * 16, ancestors=()):
    """Writes what a card is made of, of a run that was trained here."""
    config = tiny_records.tiny_config(
        training={"steps": 321, "learning_rate": 3e-4, "init": "minilm", "seed": 9},
        data={"batch_size": 24},
    )
    write_json(
        os.path.join(folder, "config.json"),
        {
            "config": config.to_dict(), "records_content": content,
            "records": vars(tiny_records.tiny_spec()), "ancestors": list(ancestors),
        },
    )
    if finetuning:
        write_json(os.path.join(folder, "job.json"), {"finetuning": finetuning})
    return part_of_card(folder)


def test_the_card_says_how_a_run_was_made(tmp_path):
    search = trained(str(tmp_path / "a"))
    card = card_of({"search": search})
    for said in ("rate 0.0003, batches of 24, 321 steps", "step 7", "seed 9",
                 "began with minilm", f"trained on `{'5' * 16}` ("):
        assert said in card
    # Behind a fine-tuning stands a pre-training.
    finetuning = tiny_finetuning("category", training={"steps": 44}).to_dict()
    category = trained(str(tmp_path / "b"), finetuning, ancestors=["6" * 16])
    card = card_of({"category": category})
    for said in ("Fine-tuned for category: rate 0.0001, batches of 8, 44 steps",
                 "a pre-training: rate 0.0003, 321 steps, seed 9, which began with min",
                 f"`{'5' * 16}`, `{'6' * 16}`"):
        assert said in card
    assert 'model.classify("category", pictures, texts)' in card
    # One from nothing has none.
    alone = trained(str(tmp_path / "c"), {**finetuning, "start": "random"})
    assert "pre-training" not in card_of({"category": alone})
    # Of weights of another code less is known, and no more is said.
    converted = trained(str(tmp_path / "d"), content="")
    card = card_of({"search": converted})
    assert "Converted from weights of another code" in card and "``" not in (
        card.replace("```", "")
    )
    assert "rate 0.0003" not in card and "examples that nobody here knows" in card
    further = trained(str(tmp_path / "e"), finetuning, ancestors=[""])
    card = card_of({"category": further})
    assert "went on from weights of another code" in card and "44 steps" in card


@pytest.mark.parametrize(
    "inputs, call",
    [("picture", '"subcategory", pictures)'), ("text", '"subcategory", texts=texts)')],
)
def test_the_cards_example_gives_classes_what_they_see(tmp_path, inputs, call):
    finetuning = tiny_finetuning("subcategory", inputs=inputs).to_dict()
    part = trained(str(tmp_path), finetuning)
    assert f"model.classify({call}" in card_of({"subcategory": part})


def test_the_card_says_of_bias_and_measures_what_is_true(tmp_path):
    part = trained(str(tmp_path))
    usual = "whatever the catalogue's writers took for granted"
    assert usual in card_of({"search": part})
    card = card_of({"search": part}, bias="Nine of ten pictures are of women.")
    assert usual not in card and "Nine of ten pictures are of women." in card
    assert "It was not measured" in card and "measured on one" not in card
    card = card_of({"search": part}, scores="A table.")
    assert "measured on one catalogue" in card and "not measured" not in card


def test_what_lies_beside_the_output_is_left_alone(tmp_path, monkeypatch):
    folder, shelf = str(tmp_path / "run"), tmp_path / "shelf"
    config = tiny_records.tiny_config(model={"num_layers": 1})
    workdir.write_untrained(
        folder, config, tiny_records.tiny_spec(),
        networks_for(config, tiny_records.tiny_spec()), tiny_records.VOCABULARY, {},
    )
    module = types.SimpleNamespace(networks=None, heads=())
    monkeypatch.setattr(publishing, "serving_module", lambda *args: module)
    monkeypatch.setattr(publishing, "model_fingerprint", lambda *args: "0" * 16)
    monkeypatch.setattr(publishing, "export_saved_model", lambda *args: None)
    # Somebody else's, whatever it is called.
    (shelf / "new.tmp").mkdir(parents=True)
    (shelf / "new.tmp" / "diary.txt").write_text("not ours")
    publishing.publish([folder], str(shelf / "new"), ABOUT, [])
    assert {path.name for path in shelf.iterdir()} == {"new", "new.tmp"}
    assert (shelf / "new.tmp" / "diary.txt").read_text() == "not ours"
    assert kaleido.load(str(shelf / "new")).parts == ["search"]
    # As others may read what a user makes, so this.
    (shelf / "any").mkdir()
    assert (shelf / "new").stat().st_mode == (shelf / "any").stat().st_mode
    (shelf / "any").rmdir()

    # A failure leaves nothing behind.
    def fail(*args):
        raise OSError("the disk is full")

    monkeypatch.setattr(publishing, "export_saved_model", fail)
    with pytest.raises(OSError, match="full"):
        publishing.publish([folder], str(shelf / "other"), ABOUT, [])
    assert {path.name for path in shelf.iterdir()} == {"new", "new.tmp"}


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
    monkeypatch.setattr(model_folder, "_CHECKOUT", str(tmp_path / "checkout"))
    monkeypatch.setenv("KALEIDO_MODELS", str(tmp_path / "models"))
    with pytest.raises(ValueError, match="no model.json"):
        kaleido.load(str(tmp_path))
    with pytest.raises(ValueError, match="python -m experiments.quickstart") as error:
        kaleido.load("small-rendered")
    for place in ("runs/quickstart", "checkout/runs/quickstart", "models/small-rend"):
        assert f"{tmp_path}/{place}" in str(error.value)
    assert set(model_folder.NAMED) == {"small-rendered"}


def test_a_model_by_name_is_found_where_it_may_lie(tmp_path, monkeypatch):
    monkeypatch.setattr(model_folder, "_CHECKOUT", str(tmp_path / "checkout"))
    monkeypatch.delenv("KALEIDO_MODELS", raising=False)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    def put(place):
        folder = tmp_path / place
        write_json(str(folder / "model.json"), {"parts": {place: {}}})

    def found():
        return kaleido.load("small-rendered").parts

    # From anywhere what the checkout's quickstart has made, before that one's own.
    put("checkout/runs/quickstart/published")
    assert found() == ["checkout/runs/quickstart/published"]
    put("here/runs/quickstart/published")
    assert found() == ["here/runs/quickstart/published"]
    put("models/small-rendered")
    monkeypatch.setenv("KALEIDO_MODELS", str(tmp_path / "models"))
    assert found() == ["models/small-rendered"]
    # What somebody has said must not be there is looked for elsewhere.
    monkeypatch.setenv("KALEIDO_MODELS", str(tmp_path / "none"))
    assert found() == ["here/runs/quickstart/published"]


def test_the_checkout_is_where_the_package_lies():
    root = pathlib.Path(kaleido.__file__).parent.parent
    assert pathlib.Path(model_folder._CHECKOUT) == root.resolve()


@pytest.mark.parametrize("alone", ["shirt.jpg", b"\xff\xd8", pathlib.Path("a.jpg")])
def test_one_text_or_picture_alone_is_no_list(alone, tmp_path):
    parts = {part: {} for part in model_folder.PARTS}
    write_json(str(tmp_path / "model.json"), {"parts": parts})
    model = kaleido.load(str(tmp_path))
    for ask in (
        lambda: model.embed_texts(alone), lambda: model.embed_images(alone),
        lambda: model.caption(alone), lambda: model.match(["a.jpg"][:0], alone),
        lambda: model.classify("category", alone),
        lambda: model.classify("category", texts=alone),
    ):
        with pytest.raises(ValueError, match="takes a list.* Received: "):
            ask()
