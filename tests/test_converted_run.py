"""A converted run with a classifier is a fine-tuning for its classes, and no other."""

import numpy as np
import pytest

from kaleido import distribution, finetuning, publishing, workdir
from kaleido.classifier import Classifier
from kaleido.models import networks_for
from kaleido.retrieval_results import write_retrieval_results
from tests import tiny_records
from tests.tasks.tiny_tasks import tiny_finetuning

NAMES = np.array([b"boots", b"coats", b"scarves", b"hats"])


@pytest.fixture(scope="module")
def record_set(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("records"))
    return tiny_records.write_tiny_records(folder, train=24, validation=8, test=8)


def write(folder, record_set, tasks=("subcategory",)):
    config = tiny_records.tiny_config(model={"num_layers": 1})
    networks = networks_for(config, record_set.spec)
    rng = np.random.default_rng(0)
    head = {
        "kernel": rng.normal(size=(32, 4)).astype(np.float32),
        "bias": rng.normal(size=4).astype(np.float32), "names": NAMES,
    }
    workdir.write_untrained(
        folder, config, record_set.spec, networks, record_set.vocabulary,
        {task: head for task in tasks},
    )
    return head


@pytest.fixture(scope="module")
def converted(record_set, tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("runs") / "classes")
    return folder, write(folder, record_set)


def test_it_is_published_as_what_it_was_fine_tuned_for(converted, record_set, tmp_path):
    folder, head = converted
    assert publishing.part_of(folder) == "subcategory"
    # What a SavedModel of classes is made of.
    found, networks, step = workdir.load_networks(folder, record_set)
    assert step == 0 and not found.config.active_tasks()
    names = workdir.read_arrays(workdir.notes_path(folder))["classes"]
    assert names.tolist() == NAMES.tolist()
    classifier = Classifier(networks, len(names), "both")
    workdir.restore_parts(folder, **classifier.saved)
    for weight, name in zip(classifier.layer.weights, ("kernel", "bias")):
        np.testing.assert_array_equal(weight.numpy(), head[name])
    # And a fine-tuning for the same classes goes on from it.
    assert workdir.read_head(folder, "subcategory")["names"].tolist() == NAMES.tolist()
    plain = str(tmp_path / "plain")
    write(plain, record_set, tasks=())
    assert publishing.part_of(plain) == "search"
    assert workdir.read_run(plain).config.active_tasks()


def test_nobody_lets_it_score_pairs(converted, record_set, tmp_path):
    folder, _ = converted
    output = tmp_path / "results.json"
    with pytest.raises(ValueError, match="subcategory has forgotten.*experiments.fine"):
        write_retrieval_results(folder, record_set, str(output), "test", floor=False)
    assert not output.exists()
    with pytest.raises(ValueError, match="itr goes on from.*for subcategory"):
        finetuning.finetune(
            tiny_finetuning("itr"), workdir.read_run(folder), folder, record_set,
            str(tmp_path / "itr"), distribution.make_strategy("one_device", ["/cpu:0"]),
        )


def test_a_run_has_one_classifier(record_set, tmp_path):
    with pytest.raises(ValueError, match=r"Received: .*'category', 'subcategory'"):
        write(str(tmp_path / "run"), record_set, ("category", "subcategory"))
    assert not (tmp_path / "run").exists()
