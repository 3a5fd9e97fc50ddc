"""CR and SUB: what is seen, what counts, and what classes of unlike sizes change."""

import json

import numpy as np
import pytest
import tensorflow as tf

from kaleido import class_map, records
from kaleido.models import PAIR_INPUTS
from kaleido.tasks import classification
from kaleido.tasks import task as task_module
from kaleido.tasks.classification import Classification
from tests import tiny_records
from tests.tasks.tiny_tasks import first_batch, make_task


@pytest.fixture(scope="module")
def record_set(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("records"))
    return tiny_records.write_tiny_records(folder, train=40, validation=16, test=16)


@pytest.mark.parametrize(
    "inputs, by_text, by_picture",
    [("both", True, True), ("text", True, False), ("picture", False, True)],
)
def test_a_classifier_sees_what_it_was_told_to(record_set, inputs, by_text, by_picture):
    task = make_task("subcategory", record_set, inputs=inputs)
    batch = first_batch(task)
    before = task.functions["logits"](batch, False).numpy()
    ids = batch["token_ids"].numpy()
    # Another word in the place of the first one.
    ids[:, 1] = np.where(ids[:, 1] == 7, 8, 7)
    texts = {**batch, "token_ids": tf.constant(ids)}
    other_text = task.functions["logits"](texts, False).numpy()
    other_picture = task.functions["logits"](
        {**batch, "patch_features": batch["patch_features"] + 1}, False
    ).numpy()
    # Untrained weights are small, and so are differences.
    assert (other_text != before).any() == by_text
    assert (other_picture != before).any() == by_picture


def test_labels_are_places_in_the_class_list(record_set):
    task = make_task("subcategory", record_set)
    labels = first_batch(task)["label"].numpy()
    serialized = next(
        iter(tf.data.TFRecordDataset(list(record_set.files["train"])).batch(8))
    )
    names = records.parse_examples(serialized, record_set.spec, True)["subcategory"]
    expected = [record_set.classes["subcategory"].index(n.decode()) for n in
                names.numpy()]
    assert labels.tolist() == expected and len(set(expected)) > 1


def labelled(*labels):
    """A batch of which nothing but labels is read."""
    return {**dict.fromkeys(PAIR_INPUTS), "label": tf.constant(labels)}


def test_unseen_classes_are_errors_and_products_without_a_label_take_no_part(
    record_set
):
    task = make_task("subcategory", record_set)
    logits = tf.constant([[5.0, 0.0, 0.0], [0.0, 5.0, 0.0], [5.0, 0.0, 0.0]])
    task.passes["logits"] = lambda inputs, training: logits
    # Right; a class that training has not; no label.
    summed = task.losses_of(labelled(0, 3, -1), False)["subcategory"]
    assert float(summed.count) == 2 and float(summed.correct) == 1
    assert float(summed.loss) == pytest.approx(np.log(1 + 2 * np.exp(-5)), rel=1e-4)


def test_logits_are_adjusted_in_training_alone_and_by_the_shares(record_set):
    plain = make_task("subcategory", record_set)
    adjusted = make_task("subcategory", record_set, balance="logits")
    counts = np.zeros(3)
    for names in records.read_strings(record_set, "train", "subcategory"):
        for name in names.numpy():
            counts[record_set.classes["subcategory"].index(name.decode())] += 1
    assert counts.sum() == 40 and len(set(counts)) > 1
    logits = tf.constant([[0.3, -0.2, 0.1]])
    for task in (plain, adjusted):
        task.passes["logits"] = lambda inputs, training: logits
    batch = labelled(1)

    def loss(task, training):
        return float(task.losses_of(batch, training)["subcategory"].loss)

    def entropy(values):
        return np.log(np.exp(values).sum()) - values[1]

    assert loss(plain, True) == pytest.approx(entropy(logits.numpy()[0]), rel=1e-4)
    shifted = logits.numpy()[0] + np.log(counts / counts.sum())
    assert loss(adjusted, True) == pytest.approx(entropy(shifted), rel=1e-4)


def test_validation_of_a_balanced_classifier_counts_each_class_alike(record_set):
    plain = make_task("subcategory", record_set)
    balanced = make_task("subcategory", record_set, balance="logits")
    labels = np.concatenate(
        [batch["label"] for batch in plain.read("validation")]
    )
    counts = np.bincount(labels)
    assert len(set(counts)) > 1
    # All of one class are right, all others wrong.
    logits = tf.repeat(tf.constant([[9.0, 0.0, 0.0]]), len(labels), axis=0)
    batch = labelled(*labels)
    for task, expected in ((plain, counts[0] / counts.sum()), (balanced, 1 / 3)):
        task.passes["logits"] = lambda inputs, training: logits
        summed = task.losses_of(batch, False)["subcategory"]
        assert float(summed.correct / summed.count) == pytest.approx(expected)


def test_a_label_that_the_class_list_lacks_is_named(record_set, tmp_path):
    other = tiny_records.write_tiny_records(str(tmp_path), train=16, validation=8)
    path = tmp_path / "dataset.json"
    content = json.loads(path.read_text())
    content["classes"]["subcategory"] = ["boots", "capes", "scarves"]
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match="class list .* Received: 'coats'"):
        make_task("subcategory", records.open_records(other.directory))


def test_a_split_without_labels_is_refused(tmp_path, monkeypatch):
    unlabelled = ("boots", "coats", "")
    monkeypatch.setattr(tiny_records, "SUBCATEGORIES", unlabelled)
    some = tiny_records.write_tiny_records(str(tmp_path / "some"), 24, 8)
    # Some have none: they take no part.
    labels = first_batch(make_task("subcategory", some))["label"].numpy()
    assert set(labels) == {-1, 0, 1}
    some = records.open_records(some.directory)
    monkeypatch.setattr(
        classification, "read_strings",
        lambda records, split, field: iter([tf.constant(["", "boots"])])
        if split == "train" else iter([tf.constant([""])]),
    )
    with pytest.raises(ValueError, match="No validation example .* has a subcategory"):
        make_task("subcategory", some)
    # The split that is asked for, too.
    with pytest.raises(ValueError, match="No test example .* has a subcategory"):
        Classification.check_split("subcategory", some, "test")


def test_baselines_learn_from_a_part_of_a_large_split(record_set, monkeypatch):
    task = make_task("subcategory", record_set)

    def ids(batches):
        return [i for batch in batches for i in batch["image_id"].numpy().tolist()]

    everything = ids(task.read_for_baselines("train"))
    assert everything == ids(task.read("train")) and len(everything) == 40
    monkeypatch.setattr(task_module, "_MOST_FOR_BASELINES", 15)
    monkeypatch.setattr(task_module, "_BATCH", 7)
    assert ids(task.read_for_baselines("train")) == everything[::3]


@pytest.mark.parametrize(
    "split, subcategory", [("validation", "gloves"), ("test", "")]
)
def test_a_split_of_which_nothing_can_be_chosen_or_measured_is_refused(
    tmp_path, monkeypatch, split, subcategory
):
    # One example that training has not seen: its label is new, or it has none.
    written = tiny_records._products

    def products(rng, name, count):
        made = written(rng, name, count)
        if name == split:
            made[-1]["subcategory"] = subcategory
        return made

    monkeypatch.setattr(tiny_records, "_products", products)
    some = tiny_records.write_tiny_records(str(tmp_path), 24, 6, test=6, leaks=5)
    with pytest.raises(ValueError, match=f"No {split} example .* not seen .*subcat"):
        Classification.check_split("subcategory", some, split)
    other = "test" if split == "validation" else "validation"
    Classification.check_split("subcategory", some, other)


def test_what_training_has_seen_is_in_no_figure(tmp_path):
    whole = tiny_records.write_tiny_records(str(tmp_path), 24, 8, test=12, leaks=3)
    task = make_task("subcategory", whole)
    outcome = task.evaluate_split("test")
    assert outcome.settings["audit"]["removed"] == 3
    ids = outcome.outcomes["ids"].tolist()
    assert ids == [f"test_{i}" for i in range(3, 12)]
    (batch,) = task.read("test")
    labels = batch["label"].numpy()[3:]
    said = task.functions["logits"](batch, False).numpy().argmax(axis=1)[3:]
    assert outcome.outcomes["right_ours"].tolist() == (said == labels).tolist()
    assert outcome.rows["ours"]["accuracy"] == pytest.approx((said == labels).mean())
    for name in ("nearest_pictures", "text_regression"):
        assert outcome.rows[name]["n"] == 9
        right = outcome.outcomes[f"right_{name}"]
        assert outcome.rows[name]["accuracy"] == pytest.approx(right.mean())


def test_validation_chooses_without_what_training_has_seen(record_set, monkeypatch):
    task = make_task("subcategory", record_set)
    (batch,) = task.read("validation")
    ids = [name.decode() for name in batch["image_id"].numpy()]
    monkeypatch.setattr(
        task_module, "audited_pairs",
        lambda records, split: ({"image_ids": ids[3:]}, {"removed": 3}),
    )
    (left,) = task.read_for_baselines("validation")
    assert left["image_id"].numpy().tolist() == batch["image_id"].numpy().tolist()[3:]
    np.testing.assert_array_equal(left["token_ids"], batch["token_ids"][3:])


def test_a_classifier_to_begin_with_finds_its_classes_by_name(record_set):
    task = make_task("subcategory", record_set)
    names = task.notes["classes"]
    before = task.classifier.kernel.numpy()
    head = {
        "names": np.array([b"other", names[1]]),
        "kernel": np.stack([before[:, 0] + 1, before[:, 0] + 2], axis=1),
        "bias": np.array([5.0, 6.0], np.float32),
    }
    task.begin_with(head)
    np.testing.assert_array_equal(task.classifier.kernel[:, 1], before[:, 0] + 2)
    np.testing.assert_array_equal(task.classifier.kernel[:, 0], before[:, 0])
    assert task.classifier.bias.numpy()[:2].tolist() == [0.0, 6.0]
    # Names of another spelling are not a random classifier.
    head["names"] = np.array([name.upper() for name in names[:2]])
    with pytest.raises(ValueError, match=f"Received: {names[0].decode().upper()}"):
        task.begin_with(head)


def test_one_class_is_nothing_to_tell_apart(record_set):
    with pytest.raises(ValueError, match="Received: 1 classes of category"):
        make_task("category", record_set)


def test_it_begins_with_what_the_cls_state_tells_already(record_set):
    def validation_loss(task):
        found = [
            task.losses_of(task.add_targets(batch), False)["subcategory"]
            for batch in task.read("validation")
        ]
        return sum(x.loss for x in found) / sum(x.count for x in found)

    begun = {}
    for balance in ("none", "logits"):
        task = make_task("subcategory", record_set, balance=balance)
        before = [weight.numpy() for weight in task.joint.weights]
        task.begin_as_probe()
        for weight, old in zip(task.joint.weights, before):
            np.testing.assert_array_equal(weight.numpy(), old)
        begun[balance] = [weight.numpy() for weight in task.classifier.weights]
        if balance == "none":
            # Of no use it would be left out: all classes alike.
            assert float(validation_loss(task)) < np.log(task.num_classes)
    np.testing.assert_array_equal(begun["none"][0], begun["logits"][0])
    shares = task._log_shares.numpy()
    np.testing.assert_allclose(begun["none"][1] - shares, begun["logits"][1], atol=1e-6)


def test_it_begins_with_states_as_training_sees_them(record_set, monkeypatch):
    """With dropout, which is what the first steps would take from a clean fit."""
    fitted = []

    def fit(train, validation, *args):
        fitted.extend((train[0], validation[0]))
        return fit_linear_map(train, validation, *args)

    fit_linear_map = class_map.fit_linear_map
    monkeypatch.setattr(class_map, "fit_linear_map", fit)
    make_task("subcategory", record_set).begin_as_probe()
    train, validation = ((states == 0).mean() for states in fitted)
    assert validation == 0 and 0.05 < train < 0.2


def test_the_table_holds_our_row_and_a_baseline_for_each_input(record_set):
    outcome = make_task("subcategory", record_set).evaluate_split("test")
    assert list(outcome.rows) == ["ours", "nearest_pictures", "text_regression"]
    # A split may hold pictures of training; these records have none.
    assert outcome.settings["audit"]["removed"] == 0
    rows = len(outcome.outcomes["ids"])
    assert rows == 16
    for name, figures in outcome.rows.items():
        right = outcome.outcomes[f"right_{name}"]
        assert figures["accuracy"] == pytest.approx(right.mean())
    assert "boots" in outcome.page
    alone = make_task("subcategory", record_set).evaluate_split("test", baselines=False)
    assert alone.rows == {"ours": outcome.rows["ours"]}
    assert "Baselines know" in outcome.page and "Baselines know" not in alone.page


@pytest.mark.parametrize(
    "inputs, baseline", [("text", "text_regression"), ("picture", "nearest_pictures")]
)
def test_a_baseline_sees_no_more_than_the_network(record_set, inputs, baseline):
    outcome = make_task("subcategory", record_set, inputs=inputs).evaluate_split("test")
    assert list(outcome.rows) == ["ours", baseline]


def with_closed_forms(record_set, **changes):
    run = tiny_records.tiny_config(
        model={"num_layers": 1}, training={"ridge_warm_start": True}
    )
    return make_task("subcategory", record_set, run=run, **changes)


def by_words(batch):
    """Labels that texts and pictures tell: whether more words are of the first half."""
    ids = batch["token_ids"]
    half = len(tiny_records.VOCABULARY) - len(tiny_records.WORDS) // 2
    is_word = ids >= len(tiny_records.VOCABULARY) - len(tiny_records.WORDS)
    late = tf.reduce_sum(tf.cast(ids >= half, tf.int32), axis=1)
    early = tf.reduce_sum(tf.cast(is_word & (ids < half), tf.int32), axis=1)
    return {**batch, "label": tf.cast(early > late, tf.int32)}


@pytest.mark.parametrize("inputs, maps", [("both", 2), ("text", 1), ("picture", 1)])
def test_closed_forms_join_once_training_has_ended(tmp_path, inputs, maps):
    enough = tiny_records.write_tiny_records(str(tmp_path), 300, 48)
    task = with_closed_forms(enough, inputs=inputs)
    task.add_targets = by_words
    # A classifier that knows nothing leaves them something to say.
    task.classifier.set_weights([np.zeros(w.shape) for w in task.classifier.weights])
    (batch,) = task.read("validation")
    seen = {name: batch[name] for name in PAIR_INPUTS}
    head = task._head
    np.testing.assert_array_equal(head.answer(seen), head.logits(seen, False))
    assert task.settle() and not task.settle()
    outcome = task.evaluate_split("validation")
    assert list(outcome.rows)[:2] == ["ours", "cls"]
    weights = list(outcome.settings["weights"].values())
    assert len(weights) == 1 + maps and min(weights) >= 0 < max(weights[1:])
    # By likelihood, which has weighed them, more know no less than one.
    found = [
        tf.nn.sparse_softmax_cross_entropy_with_logits(batch["label"], logits)
        for logits in (head.answer(seen), head.logits(seen, False))
    ]
    assert tf.reduce_mean(found[0]) < tf.reduce_mean(found[1])


def test_balanced_classifiers_are_weighed_as_what_they_have_learnt(
    record_set, monkeypatch
):
    judged = []

    def weigh_all(parts, labels, offset, importance):
        """Who is left out depends on what is judged, plain or balanced; nobody is."""
        judged.append((labels, offset, importance))
        return class_map.weigh(parts, labels)

    monkeypatch.setattr(class_map, "choose_weights", weigh_all)
    plain = with_closed_forms(record_set)
    balanced = with_closed_forms(record_set, balance="logits")
    for task in (plain, balanced):
        # A state that knows how frequent classes are, and no more.
        task._head.layer.set_weights(
            [np.zeros_like(task._head.layer.kernel), task._log_shares.numpy()]
        )
    # With that added, the balanced one says nothing of its own.
    balanced._head.layer.bias.assign(tf.zeros_like(balanced._log_shares))
    assert plain.settle() and balanced.settle()
    (labels, *of_plain), (_, offset, importance) = judged
    assert of_plain == [None, None]
    # What is balanced answers without the shares, and counts each class alike.
    np.testing.assert_allclose(offset, -balanced._log_shares.numpy())
    totals = np.bincount(labels, importance)
    np.testing.assert_allclose(totals, totals.mean(), rtol=1e-5)
    np.testing.assert_allclose(
        plain._head.maps.shares, balanced._head.maps.shares, atol=1e-3
    )
    batch = first_batch(plain, "validation")
    seen = {name: batch[name] for name in PAIR_INPUTS}
    np.testing.assert_allclose(
        plain._head.answer(seen) - balanced._head.answer(seen),
        np.tile(plain._log_shares, (8, 1)), atol=1e-3,
    )


def test_a_start_from_less_has_no_closed_forms(record_set):
    task = with_closed_forms(record_set, start="text")
    assert task._head.maps is None and not task.settle()
