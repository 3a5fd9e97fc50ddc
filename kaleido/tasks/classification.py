"""Category and sub-category from the [CLS] state (CR and SUB, paper section 4.3).

Where the pre-training began with closed forms, those of classes join the [CLS] state
when it has been trained (`class_map.py`).
"""

from __future__ import annotations

import collections
import functools
from typing import Any, Dict, List, Mapping

import numpy as np
import tensorflow as tf
from absl import logging

from kaleido import baselines, class_map, inference, losses
from kaleido.cases import choose_cases
from kaleido.classifier import Classifier
from kaleido.metrics.classification import classification_figures
from kaleido.models import PAIR_INPUTS
from kaleido.records import RecordSet, read_strings
from kaleido.reports.classification_report import classification_page
from kaleido.tasks.task import (
    BASELINES_KNOW,
    Batch,
    Collected,
    Outcome,
    Task,
    picked,
    require_unseen,
)

# Examples of a split that show what a [CLS] state tells before it is trained.
_PROBED = 4096


class Classification(Task):
    """Learns the classes of the training split; others are errors when they come.

    A product without a label takes no part. With `balance="logits"` the logarithms
    of the classes' shares in training are added to the logits while training (logit
    adjustment, arXiv 2007.07314, eq. 10 with tau = 1), which asks for the balanced
    error in place of the plain one; and so does validation, which then counts each
    class alike: its accuracy is the mean of the classes' recalls.
    """

    def __init__(self, networks, config, run, records):
        super().__init__(networks, config, run, records, {config.task: 1.0})
        self.chosen_by = ([f"val_{config.task}_accuracy"], True)
        self.names = records.classes[config.task]
        self.num_classes = records.num_train_classes[config.task]
        if self.num_classes < 2:
            raise ValueError(
                f"{records.directory} has nothing to tell apart. Received: "
                f"{self.num_classes} classes of {config.task} in training"
            )
        ids = tf.constant(np.arange(len(self.names)), tf.int32)
        self._lookup = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(
                tf.constant(self.names, tf.string), ids
            ),
            -1,
        )
        joins = config.joins_closed_forms(run)
        layout = records.spec.patch_layout if joins else None
        self._head = Classifier(networks, self.num_classes, config.inputs, layout)
        self.classifier = self._head.layer
        # What baselines and closed forms learn from is read once.
        self._learnt = functools.lru_cache(self._collect)
        counts = {
            split: count_labels(config.task, records, split)
            for split in ("train", "validation")
        }
        learnt = np.maximum(counts["train"][: self.num_classes], 1)
        self._log_shares = tf.constant(np.log(learnt / learnt.sum()), tf.float32)
        # What an example of validation counts where classes are to count alike; one,
        # on average.
        held = counts["validation"]
        weights = held.sum() / (held > 0).sum() / np.maximum(held, 1)
        self._weights = tf.constant(weights, tf.float32)

    def begin_as_probe(self) -> None:
        """Begins with the linear classifier that fits the [CLS] states.

        A pre-trained [CLS] state tells pairs that match from those that do not: it
        varies little, and in few directions, and a random classifier takes hundreds of
        steps to find classes in what is left. A ridge regression does not mind (linear
        probing, then fine-tuning: arXiv 2202.10054). Validation chooses its penalty and
        the scale of its logits.

        The states are those of training, with dropout: classes in differences that
        dropout drowns are there for a regression of clean states, and lost with the
        first steps (Myntra's sub-categories on validation: .859 before them and .883
        after 25, in place of .733 and .894).
        """
        state_of = tf.function(self._head.state, reduce_retracing=True)
        states, labels = {}, {}
        for split in ("train", "validation"):
            found = Collected()
            for batch in map(_labelled, self.read_for_baselines(split, _PROBED)):
                inputs = {k: batch[k] for k in PAIR_INPUTS}
                state = tf.cast(state_of(inputs, split == "train"), tf.float32)
                found.add({"state": state, "label": batch["label"]})
            seen = found["label"] < self.num_classes
            states[split], labels[split] = found["state"][seen], found["label"][seen]
        fitted, chosen = class_map.fit_linear_map(
            *((states[split], labels[split]) for split in states), self.num_classes,
            class_map.STATE_PENALTIES,
        )
        scale, = class_map.weigh(
            [fitted.logits(states["validation"])], labels["validation"]
        )
        logging.info("classes from [CLS] before it is trained: %s", chosen)
        kernel, bias = (scale * weight for weight in fitted.weights)
        if self.config.balance == "logits":
            # They are added while it learns.
            bias = bias - self._log_shares.numpy()
        self.classifier.set_weights([kernel, bias])

    def begin_with(self, head: Mapping[str, np.ndarray]) -> None:
        """Takes over a classifier, class by class, by name.

        Args:
            head: see `released.read_classifiers`; classes that only one side has are
                left out, or as they begin.
        """
        names = self.notes["classes"]
        _, ours, theirs = np.intersect1d(names, head["names"], return_indices=True)
        if not len(ours):
            raise ValueError(
                f"The classifier that this begins with has no {self.config.task} of "
                f"the records, {names[0].decode()!r} for one. Received: "
                f"{_shown(head['names'])}"
            )
        missing = np.delete(names, ours)
        if len(missing):
            logging.warning("the classifier does not know %s", _shown(missing))
        kernel, bias = (weight.numpy() for weight in self.classifier.weights)
        kernel[:, ours] = head["kernel"][:, theirs]
        bias[ours] = head["bias"][theirs]
        self.classifier.set_weights([kernel, bias])
        logging.info(
            "%d of %d classes begin with a classifier that knows them",
            len(ours), len(names),
        )

    @classmethod
    def check_split(cls, task, records, split) -> None:
        labels = _read_labels(task, records, split)
        unseen, _ = require_unseen(records, split)
        ids = inference.load_ids_and_keys(records, split)["image_ids"]
        found = {label for one, label in zip(ids, labels) if one in unseen} - {""}
        classes = set(records.classes[task])
        if split == "validation":
            # By classes that training has not, nothing can be chosen.
            classes = set(records.classes[task][: records.num_train_classes[task]])
        if not found & classes:
            raise ValueError(
                f"No {split} example of {records.directory} that training has not seen "
                f"has a {task} that {'training' if split == 'validation' else 'it'} "
                f"has, too. Received: {sorted(found)[:5]}"
            )

    @property
    def saved(self) -> Dict[str, tf.Module]:
        return {**super().saved, **self._head.saved}

    @property
    def functions(self):
        return {"logits": self._head.logits}

    @property
    def notes(self) -> Dict[str, np.ndarray]:
        names = self.names[: self.num_classes]
        return {"classes": np.array([name.encode("utf-8") for name in names])}

    def add_targets(self, batch: Batch) -> Batch:
        """Adds `label` int32 [batch], -1 for none."""
        return {**batch, "label": self._lookup.lookup(batch[self.config.task])}

    def losses_of(self, batch, training: bool) -> Dict[str, losses.Summed]:
        inputs = {name: batch[name] for name in PAIR_INPUTS}
        logits, labels = self.passes["logits"](inputs, training), batch["label"]
        if training and self.config.balance == "logits":
            logits += self._log_shares
        weights = tf.cast(labels >= 0, tf.float32)
        if not training and self.config.balance == "logits":
            weights *= tf.gather(self._weights, tf.maximum(labels, 0))
        known = tf.logical_and(labels >= 0, labels < self.num_classes)
        summed = losses.classification(
            logits, tf.where(known, labels, 0), tf.where(known, weights, 0.0)
        )
        # What training has never seen is wrong whatever is answered.
        return {self.config.task: summed._replace(count=tf.reduce_sum(weights))}

    def settle(self) -> bool:
        """Fits the closed forms and weighs them against the [CLS] state."""
        maps = self._head.maps
        if maps is None or maps.is_settled:
            return False
        # Classes that only validation has are beyond everybody.
        train, validation = (self._learnt(name) for name in ("train", "validation"))
        seen = validation["label"] < self.num_classes
        labels = validation["label"][seen]

        def data(column):
            return (
                (train[column], train["label"]), (validation[column][seen], labels)
            )

        logits = [np.concatenate(self._validation_logits())[seen]]
        offset = importance = None
        if self.config.balance == "logits":
            # As it has learnt to be read; the answer counts classes alike.
            offset = -self._log_shares.numpy()
            importance = self._weights.numpy()[labels]
            logits[0] = logits[0] - offset
        if maps.picture is not None:
            fitted, chosen = class_map.fit_linear_map(
                *data("level_means"), self.num_classes
            )
            logging.info("classes from pictures in closed form: %s", chosen)
            maps.picture.set_weights(fitted.weights)
            logits.append(fitted.logits(validation["level_means"][seen]))
        if maps.text is not None:
            special = self.records.vocabulary.is_special
            fitted, chosen = class_map.fit_text_map(
                *data("token_ids"), special, self.num_classes
            )
            logging.info("classes from texts in closed form: %s", chosen)
            maps.text.set_weights(fitted.weights)
            logits.append(fitted.logits(validation["token_ids"][seen]))
        weights = class_map.choose_weights(logits, labels, offset, importance)
        logging.info("weights of [CLS] and closed forms: %s", weights)
        maps.shares.assign(weights)
        if self.config.balance == "logits":
            maps.offset.assign((weights[0] - 1.0) * self._log_shares)
        return True

    def _validation_logits(self) -> List[np.ndarray]:
        logits = tf.function(self._head.logits, reduce_retracing=True)
        return [
            logits({k: batch[k] for k in PAIR_INPUTS}, False).numpy()
            for batch in map(_labelled, self.read_for_baselines("validation"))
        ]

    def _collect(self, split: str) -> Collected:
        batches = map(_labelled, self.read_for_baselines(split))
        columns = ("text", "token_ids", "label", "level_means")
        return Collected.of(map(self.padded, batches), columns)

    def evaluate_split(self, split: str, baselines: bool = True) -> Outcome:
        parts_of = tf.function(self._head.parts, reduce_retracing=True)
        test = Collected()
        for batch in map(_labelled, self.read(split)):
            shown = ("image_id", "product_key", "text", "thumbnail", "label")
            parts = parts_of({k: batch[k] for k in PAIR_INPUTS})
            test.add(
                {
                    **{k: batch[k] for k in shown},
                    # Baselines see what the network sees: frozen features, texts.
                    "level_means": self.level_means(batch),
                    "ours": tf.nn.softmax(self._head.mix(parts)),
                    "cls": tf.nn.softmax(parts[0]),
                }
            )
        rows, counts = self.without_leaks(split, test.strings("image_id"))
        labels = test["label"][rows]
        probabilities = {"ours": test["ours"][rows]}
        settings: Dict[str, Any] = {"audit": counts, "classes": self.num_classes}
        if self._head.maps is not None:
            probabilities["cls"] = test["cls"][rows]
            shares = self._head.maps.shares.numpy().tolist()
            settings["weights"] = dict(zip(self._head.witnesses, shares))
        known = ""
        if baselines:
            learnt = {name: self._learnt(name) for name in ("train", "validation")}
            settings["baselines_learn_from"] = len(learnt["train"]["label"])
            known = BASELINES_KNOW.format(settings["baselines_learn_from"])
            for name, (values, chosen) in self._baselines(learnt, test, rows).items():
                probabilities[name], settings[name] = values, chosen
        examples = picked(test.examples(), rows)
        figures = {
            name: {**classification_figures(values, labels), "n": len(rows)}
            for name, values in probabilities.items()
        }
        outcomes = {
            f"right_{name}": values.argmax(1) == labels
            for name, values in probabilities.items()
        }
        outcomes["ids"] = np.array([example["image_id"] for example in examples])
        outcomes["products"] = test["product_key"][rows]
        removed = counts["removed"]
        page = classification_page(
            f"{self.config.task} from {self.config.inputs}", figures, self.names,
            probabilities["ours"], labels, examples,
            f"{len(rows)} examples of the {split} split; {removed} that training has "
            f"seen were left out.{known}",
        )
        said = [self.names[k] for k in probabilities["ours"].argmax(1)]
        cases = choose_cases(outcomes["right_ours"], examples, said)
        return Outcome(figures, settings, outcomes, page, cases)

    def _baselines(self, learnt, test, rows):
        train, validation = learnt["train"], learnt["validation"]
        # Classes that only validation or test have get no column.
        seen = validation["label"] < self.num_classes

        def values(collected, column):
            if column != "text":
                return collected[column]
            return np.array(collected.strings("text"), object)

        def data(column):
            return (
                (values(train, column), train["label"]),
                (values(validation, column)[seen], validation["label"][seen]),
                values(test, column)[rows],
            )

        made = {}
        if self.config.inputs != "text":
            logging.info("nearest neighbours by the frozen features")
            made["nearest_pictures"] = baselines.nearest_pictures(
                *data("level_means"), self.num_classes, self.records.spec.feature_size
            )
        if self.config.inputs != "picture":
            logging.info("logistic regression on TF-IDF of the texts")
            made["text_regression"] = baselines.text_regression(
                *data("text"), self.num_classes
            )
        return made


def count_labels(task: str, records: RecordSet, split: str) -> np.ndarray:
    """Returns how many examples of a split each class has, int [classes].

    Args:
        task: `category` or `subcategory`; its class list is the records'.
        records: the records.
        split: of the records.

    Raises:
        ValueError: if a label is not in the class list, or no example has one.
    """
    found = collections.Counter(_read_labels(task, records, split))
    return np.array([found[name] for name in records.classes[task]])


def _read_labels(task: str, records: RecordSet, split: str) -> List[str]:
    """Returns a split's labels in stored order, empty for none; see `count_labels`."""
    labels = [
        name.decode("utf-8") for names in read_strings(records, split, task)
        for name in names.numpy()
    ]
    known = {*records.classes[task], ""}
    lost = [label for label in labels if label not in known]
    if lost:
        raise ValueError(
            f"The {task} of {len(lost)} {split} examples is not in the class list of "
            f"{records.directory}/dataset.json. Received: {lost[0]!r}"
        )
    if not any(labels):
        raise ValueError(
            f"No {split} example of {records.directory} has a {task}. Received: "
            f"classes={records.classes[task]}"
        )
    return labels


def _shown(names: np.ndarray) -> str:
    """Returns the first of some class names."""
    first = ", ".join(name.decode() for name in names[:5])
    return f"{first}, and {len(names) - 5} more" if len(names) > 5 else first


def _labelled(batch: Batch) -> Batch:
    return {name: values[batch["label"] >= 0] for name, values in batch.items()}
