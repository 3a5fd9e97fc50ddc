"""A fine-tuning: where it begins, that it goes on, and what it refuses."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
import tensorflow as tf

from kaleido import class_map, distribution, finetuning, pretraining, workdir
from kaleido.callbacks import read_lines
from kaleido.files import write_json
from kaleido.finetuning_config import FinetuningConfig
from kaleido.layers.class_maps import ClassMaps
from kaleido.models import networks_for
from kaleido.warm_start import apply_feature_norm
from tests import tiny_records
from tests.interop.test_bert import save_file, tiny_bert
from tests.tasks.tiny_tasks import tiny_finetuning

ONE_DEVICE = distribution.make_strategy("one_device", ["/cpu:0"])
CLOCK = ("seconds", "examples_per_second")


@pytest.fixture(scope="module")
def record_set(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("records"))
    return tiny_records.write_tiny_records(folder, train=40, validation=16, test=16)


@pytest.fixture(scope="module")
def checkpoint(record_set, tmp_path_factory):
    """The folder of a pre-training of two steps."""
    folder = str(tmp_path_factory.mktemp("run"))
    config = tiny_records.tiny_config(
        model={"num_layers": 1}, training={"steps": 2, "eval_every": 2},
        tasks={"contrastive": {"weight": 1.0, "start_step": 0}},
    )
    pretraining.pretrain(config, record_set, folder, ONE_DEVICE)
    return folder


def finetune(config, checkpoint, record_set, folder):
    run = workdir.read_run(checkpoint)
    return finetuning.finetune(
        config, run, checkpoint, record_set, str(folder), ONE_DEVICE
    )


def lines_of(folder):
    return [
        {k: v for k, v in line.items() if k not in CLOCK}
        for line in read_lines(str(folder / "metrics.jsonl"))
    ]


# 25 s: three trainings are traced.
@pytest.mark.slow
def test_a_stopped_fine_tuning_ends_where_an_unbroken_one_does(
    record_set, checkpoint, tmp_path
):
    config = tiny_finetuning(
        "caption", training={"decay": "constant", "learning_rate": 1e-2}
    )
    half = dataclasses.replace(
        config, training=dataclasses.replace(config.training, steps=2)
    )
    whole = finetune(config, checkpoint, record_set, tmp_path / "whole")
    finetune(half, checkpoint, record_set, tmp_path / "broken")
    resumed = finetune(config, checkpoint, record_set, tmp_path / "broken")
    one, other = (lines_of(tmp_path / name) for name in ("whole", "broken"))
    assert [line["step"] for line in one] == [0, 2, 4]
    assert one[-1]["val_loss"] < one[0]["val_loss"]
    for a, b in zip(one, other):
        assert a == pytest.approx(b, abs=1e-5)
    for a, b in zip(whole.joint.get_weights(), resumed.joint.get_weights()):
        np.testing.assert_allclose(a, b, atol=1e-5)
    # It is a run of its own: what evaluates and exports runs opens it.
    _, networks, step = workdir.load_networks(str(tmp_path / "whole"), record_set)
    assert step == 4
    for a, b in zip(networks.joint.get_weights(), whole.joint.get_weights()):
        assert (a == b).all()


# 20 s: two trainings are traced.
@pytest.mark.slow
def test_two_runs_with_a_seed_are_one(record_set, checkpoint, tmp_path):
    """Dropout and the lists that are drawn included; another seed is another run."""
    found = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        config = tiny_finetuning("itr", training={"seed": seed, "steps": 2})
        finetune(config, checkpoint, record_set, tmp_path / name)
        found.append(lines_of(tmp_path / name))
    assert found[0] == found[1] != found[2]


@pytest.mark.parametrize("start, rate", [("pretrained", 0.01), ("random", 1.0)])
def test_what_does_not_begin_as_a_closed_form_learns_at_full_rate(
    checkpoint, start, rate
):
    run = workdir.read_run(checkpoint).config
    run = dataclasses.replace(
        run, training=dataclasses.replace(
            run.training,
            rates={"shortcut": 0.01, "word_shortcut": 0.01, "itm": 5.0},
        )
    )
    rates = finetuning._settings(tiny_finetuning("itr", start=start), run).rates
    assert rates.get("shortcut", 1.0) == rates.get("word_shortcut", 1.0) == rate
    assert rates["itm"] == 5.0
    assert rates["classifier"] == 10.0


def test_it_begins_from_the_pre_training_or_from_its_kind(record_set, checkpoint):
    run = workdir.read_run(checkpoint)

    def weights(start, seed=0):
        config = tiny_finetuning("itr", start=start, training={"seed": seed})
        networks = finetuning._starting_networks(
            config, run, checkpoint, record_set, ""
        )
        return networks.joint.get_weights()

    _, trained, _ = workdir.load_networks(checkpoint, record_set)
    for a, b in zip(weights("pretrained", seed=5), trained.joint.get_weights()):
        assert (a == b).all()
    tf.keras.utils.set_random_seed(7)
    fresh = networks_for(run.config, record_set.spec)
    # Of any start: what features are like is not learnt.
    apply_feature_norm(fresh, record_set, run.config)
    for a, b in zip(weights("random", seed=7), fresh.joint.get_weights()):
        assert (a == b).all()


def test_the_text_encoder_alone_is_that_and_nothing_of_the_pre_training(
    record_set, checkpoint, tmp_path
):
    tensors = tiny_bert(layers=1, words=len(tiny_records.VOCABULARY))
    save_file(tensors, str(tmp_path / "model.safetensors"))
    run = workdir.read_run(checkpoint)
    training = dataclasses.replace(
        run.config.training, init=str(tmp_path), ridge_warm_start=True
    )
    run = dataclasses.replace(
        run, config=dataclasses.replace(run.config, training=training)
    )
    config = tiny_finetuning("itr", start="text", training={"seed": 7})
    networks = finetuning._starting_networks(config, run, checkpoint, record_set, "")
    tf.keras.utils.set_random_seed(7)
    fresh = networks_for(run.config, record_set.spec)
    apply_feature_norm(fresh, record_set, run.config)
    table = tensors["embeddings.word_embeddings.weight"]
    np.testing.assert_array_equal(networks.text_embedding.words, table)
    _, trained, _ = workdir.load_networks(checkpoint, record_set)
    # Of a BERT without heads; its second segment is where patches begin.
    from_bert = ("text_embedding", "layer_", "pooler", "patch_embedding/modality")
    for ours, new, learnt in zip(
        networks.joint.weights, fresh.joint.weights, trained.joint.weights
    ):
        same = (ours.numpy() == new.numpy()).all()
        assert same or ours.name.startswith(from_bert), ours.name
        if not same:
            assert (ours.numpy() != learnt.numpy()).any(), ours.name
    for model in ("text", "image"):
        head = [w for w in getattr(networks, model).weights if "projection" in w.name]
        new = {w.name: w.numpy() for w in getattr(fresh, model).weights}
        assert head and all((w.numpy() == new[w.name]).all() for w in head)


def test_it_begins_with_the_closed_forms_that_the_run_began_with(
    record_set, checkpoint, tmp_path
):
    run = workdir.read_run(checkpoint)
    began = dataclasses.replace(
        run.config,
        training=dataclasses.replace(run.config.training, ridge_warm_start=True),
    )
    run = dataclasses.replace(run, config=began)
    config = tiny_finetuning("itr", start="closed_forms")
    folders = [tmp_path / name for name in ("maps", "again")]
    for folder in folders:
        folder.mkdir()
    networks = finetuning._starting_networks(
        config, run, checkpoint, record_set, str(folders[0])
    )
    expected = pretraining.starting_networks(began, record_set, str(folders[1]))
    for a, b in zip(networks.image.get_weights(), expected.image.get_weights()):
        assert (a == b).all()
    with pytest.raises(ValueError, match="needs a run that began with them"):
        finetune(config, checkpoint, record_set, tmp_path / "out")
    # A run that went on from another began with all that the other had learnt.
    went_on = dataclasses.replace(
        began, training=dataclasses.replace(began.training, init=checkpoint)
    )
    with pytest.raises(ValueError, match=f"True, init='{checkpoint}'"):
        finetuning.finetune(
            config, dataclasses.replace(run, config=went_on), checkpoint, record_set,
            str(tmp_path / "out"), ONE_DEVICE,
        )


def test_retrieval_does_not_go_on_from_what_has_forgotten_pairs(
    record_set, checkpoint, tmp_path
):
    folder = tmp_path / "caption"
    shutil.copytree(checkpoint, folder)
    write_json(str(folder / "job.json"), {"finetuning": {"task": "caption"}})
    with pytest.raises(ValueError, match=f"Received: {folder}, fine-tuned for caption"):
        finetune(tiny_finetuning("itr"), str(folder), record_set, tmp_path / "run")


def test_what_chooses_the_weights_is_not_what_training_has_seen(
    checkpoint, tmp_path, monkeypatch
):
    some = tiny_records.write_tiny_records(str(tmp_path / "records"), 40, 16, leaks=3)
    asked = {}

    def watch(*_, without=(), **__):
        asked["without"] = without
        raise InterruptedError

    monkeypatch.setattr(finetuning.input_pipeline, "validation_batches", watch)
    with pytest.raises(InterruptedError):
        finetune(tiny_finetuning("subcategory"), checkpoint, some, tmp_path / "out")
    assert asked["without"] == ["validation_0", "validation_1", "validation_2"]


def test_validation_that_training_has_seen_is_refused_before_it_begins(
    checkpoint, tmp_path
):
    some = tiny_records.write_tiny_records(str(tmp_path / "records"), 40, 8, leaks=8)
    for task in ("subcategory", "caption"):
        with pytest.raises(ValueError, match="Every example of the validation split"):
            finetune(tiny_finetuning(task), checkpoint, some, tmp_path / "out")
    assert not (tmp_path / "out").exists()


# 15 s: a training is traced.
@pytest.mark.slow
def test_closed_forms_of_classes_are_kept_with_the_chosen_weights(
    record_set, checkpoint, tmp_path, monkeypatch
):
    began = tmp_path / "began"
    shutil.copytree(checkpoint, began)
    content = json.loads((began / "config.json").read_text())
    content["config"]["training"]["ridge_warm_start"] = True
    (began / "config.json").write_text(json.dumps(content))
    config = tiny_finetuning("subcategory", training={"steps": 2})
    task = finetune(config, str(began), record_set, tmp_path / "out")
    maps = task.saved["maps"]
    assert maps.is_settled
    other = ClassMaps(
        task.num_classes, maps.picture.kernel.shape[0], maps.text.table.shape[0]
    )
    workdir.restore_parts(str(tmp_path / "out"), maps=other, joint=task.joint)
    for a, b in zip(maps.get_weights(), other.get_weights()):
        np.testing.assert_array_equal(a, b)
    # What is done is not done again.
    monkeypatch.setattr(class_map, "fit_linear_map", None)
    again = finetune(config, str(began), record_set, tmp_path / "out")
    for a, b in zip(maps.get_weights(), again.saved["maps"].get_weights()):
        np.testing.assert_array_equal(a, b)


def test_another_fine_tuning_is_refused_and_more_steps_are_not(
    record_set, checkpoint, tmp_path, monkeypatch
):
    """Before anything is trained."""

    class Stopped(Exception):
        pass

    def stop(*args):
        raise Stopped

    monkeypatch.setattr(finetuning.fitting, "begin", stop)
    config = tiny_finetuning("subcategory")

    def begin(config):
        finetune(config, checkpoint, record_set, tmp_path)

    with pytest.raises(Stopped):
        begin(config)
    # A start of which nothing came binds nobody.
    with pytest.raises(Stopped):
        begin(dataclasses.replace(config, inputs="text"))
    with pytest.raises(Stopped):
        begin(config)
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "ckpt-2.index").write_text("")
    longer = dataclasses.replace(config.training, steps=9)
    with pytest.raises(Stopped):
        begin(dataclasses.replace(config, training=longer))
    with pytest.raises(ValueError, match="finetuning.*there.*asked for"):
        begin(dataclasses.replace(config, inputs="text"))


def test_the_folder_of_a_pre_training_is_refused_and_left_as_it_is(
    record_set, checkpoint, tmp_path
):
    folder = tmp_path / "run"
    shutil.copytree(checkpoint, folder)
    before = sorted(folder.rglob("*"))
    with pytest.raises(ValueError, match="a run of another configuration"):
        finetune(tiny_finetuning("subcategory"), checkpoint, record_set, folder)
    assert sorted(folder.rglob("*")) == before


def test_records_of_another_preset_are_refused(checkpoint, tmp_path):
    spec = tiny_records.tiny_spec(backbone="resnet50")
    other = tiny_records.write_tiny_records(
        str(tmp_path / "records"), train=8, validation=8, spec=spec
    )
    with pytest.raises(ValueError, match="backbone: expected 'synthetic'"):
        finetune(tiny_finetuning("itr"), checkpoint, other, tmp_path / "run")


def test_an_empty_validation_is_refused(checkpoint, tmp_path):
    other = tiny_records.write_tiny_records(
        str(tmp_path / "records"), train=8, validation=0
    )
    with pytest.raises(ValueError, match="no validation examples"):
        finetune(tiny_finetuning("caption"), checkpoint, other, tmp_path / "run")


def test_a_run_without_a_checkpoint_is_refused(record_set, checkpoint, tmp_path):
    shutil.copy(f"{checkpoint}/config.json", tmp_path / "config.json")
    with pytest.raises(ValueError, match="no checkpoint"):
        finetune(tiny_finetuning("itr"), str(tmp_path), record_set, tmp_path / "run")


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"task": "captions"}, "`task` must be one of .* Received: 'captions'"),
        ({"start": "bert"}, "`start` must be one of .* Received: 'bert'"),
        ({"inputs": "picture", "task": "caption"}, "needs texts and pictures"),
        (
            {"task": "itr", "lists": 8},
            "`lists` must be .* Received: lists=8, batch_size=8",
        ),
        ({"task": "tir", "lists": 0}, "`lists` must be at least 1"),
        ({"balance": "logits", "task": "itr"}, "itr has no classes"),
        ({"probe": False, "task": "caption"}, "caption has no classes"),
        ({"context": "nearest", "task": "itr"}, "itr writes nothing"),
        ({"beams": 3}, r"FinetuningConfig has no fields \['beams'\]"),
    ],
)
def test_a_wrong_configuration_names_the_field(changes, message):
    values = {**tiny_finetuning("subcategory").to_dict(), **changes}
    with pytest.raises(ValueError, match=message):
        FinetuningConfig.from_dict(values)


def test_a_configuration_survives_its_dictionary():
    config = tiny_finetuning("itr", lists=2)
    assert FinetuningConfig.from_dict(config.to_config_dict().to_dict()) == config
