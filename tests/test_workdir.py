"""A run's folder says what made it, and takes no other run in."""

import dataclasses
import os

import pytest
import tensorflow as tf

from kaleido import workdir
from kaleido.models import networks_for
from tests import tiny_records


@pytest.fixture(scope="module")
def record_set(tmp_path_factory):
    return tiny_records.write_tiny_records(str(tmp_path_factory.mktemp("records")), 8)


@pytest.fixture
def run(tmp_path, record_set):
    folder = str(tmp_path / "run")
    workdir.claim_workdir(folder, tiny_records.tiny_config(), record_set)
    return folder


def save(folder, step=7, seed=0):
    tf.keras.utils.set_random_seed(seed)
    networks = networks_for(tiny_records.tiny_config(), tiny_records.tiny_spec())
    checkpoint = tf.train.Checkpoint(
        joint=networks.joint, text=networks.text, image=networks.image
    )
    manager = tf.train.CheckpointManager(
        checkpoint, os.path.join(folder, "checkpoints"), 2
    )
    manager.save(checkpoint_number=step)
    return networks


def test_a_run_is_read_as_it_was_described(run, record_set):
    found = workdir.read_run(run)
    assert found.config == tiny_records.tiny_config()
    assert found.spec == record_set.spec
    with open(found.vocabulary, encoding="utf-8") as file:
        assert file.read().split() == list(tiny_records.VOCABULARY.pieces)


def test_a_run_may_be_prolonged_and_nothing_else(run, record_set):
    save(run)
    longer = tiny_records.tiny_config(training={"steps": 400})
    workdir.claim_workdir(run, longer, record_set)
    assert workdir.read_run(run).config.training.steps == 400
    other = tiny_records.tiny_config(
        training={"learning_rate": 0.5}, data={"group_size": 2}
    )
    with pytest.raises(ValueError) as error:
        workdir.claim_workdir(run, other, record_set)
    assert "data.group_size: 4 there, 2 asked for" in str(error.value)
    assert "training.learning_rate: 0.0001 there, 0.5 asked for" in str(error.value)
    # A refused claim changes nothing.
    assert workdir.read_run(run).config == longer


def test_a_task_more_or_less_is_another_run(run, record_set):
    save(run)
    tasks = {"itm": {"weight": 1.0, "start_step": 0}}
    with pytest.raises(ValueError, match="tasks.mlm.weight: 1.0 there, None asked"):
        workdir.claim_workdir(run, tiny_records.tiny_config(tasks=tasks), record_set)


def test_other_records_are_refused(run, record_set):
    spec = dataclasses.replace(record_set.spec, crop_size=32)
    others = dataclasses.replace(record_set, spec=spec)
    save(run)
    with pytest.raises(ValueError, match="crop_size: expected 64, received 32"):
        workdir.claim_workdir(run, tiny_records.tiny_config(), others)
    with pytest.raises(ValueError, match="crop_size: expected 64, received 32"):
        workdir.load_networks(run, others)


def test_examples_that_changed_overnight_are_another_run(
    run, record_set, tmp_path, caplog
):
    save(run)
    others = tiny_records.write_tiny_records(str(tmp_path / "other"), 12)
    with pytest.raises(ValueError, match="other examples of the same kind"):
        workdir.claim_workdir(run, tiny_records.tiny_config(), others)
    # They may be evaluated with it, with a warning.
    described, _, _ = workdir.load_networks(run, others)
    workdir.warn_of_other_examples(described, run, record_set)
    assert not caplog.text
    workdir.warn_of_other_examples(described, run, others)
    assert "trained on other examples" in caplog.text
    # Nor is it forgotten by a run that begins with this one.
    caplog.clear()
    later = str(tmp_path / "later")
    workdir.claim_workdir(
        later, tiny_records.tiny_config(), others, described.trained_on
    )
    found = workdir.read_run(later)
    assert found.trained_on == (others.content, record_set.content)
    workdir.warn_of_other_examples(found, later, others)
    assert f"trained on other examples than {others.directory}" in caplog.text


def test_a_start_that_failed_is_no_run(run, record_set):
    stale = [os.path.join(run, name) for name in ("ridge_map.npz", "word_map.npz")]
    for path in stale:
        with open(path, "w", encoding="utf-8") as file:
            file.write("of another configuration")
    other = tiny_records.tiny_config(data={"group_size": 2})
    workdir.claim_workdir(run, other, record_set)
    assert workdir.read_run(run).config == other
    assert not any(map(os.path.exists, stale))


def test_networks_come_back_with_the_weights_and_step_of_the_last_checkpoint(run):
    save(run, step=7, seed=1)
    saved = save(run, step=11, seed=2)
    _, networks, step = workdir.load_networks(run)
    assert step == 11
    for name in ("joint", "text", "image"):
        one, other = getattr(saved, name), getattr(networks, name)
        assert len(one.weights) == len(other.weights)
        for a, b in zip(one.get_weights(), other.get_weights()):
            assert (a == b).all()


def test_a_folder_without_run_or_checkpoint_is_an_error(tmp_path, run):
    with pytest.raises(ValueError, match="holds no run"):
        workdir.read_run(str(tmp_path))
    with pytest.raises(ValueError, match="holds no checkpoint yet"):
        workdir.load_networks(run)
