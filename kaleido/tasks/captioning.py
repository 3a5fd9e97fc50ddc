"""Captions by the encoder as a generator (FC, paper section 4.3)."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

import numpy as np
import tensorflow as tf
from absl import logging

from kaleido import baselines, caption_baselines, corruption, losses
from kaleido.caption_context import CaptionContext, KnownPairs, learn_context
from kaleido.cases import choose_cases
from kaleido.finetuning_config import BEAM_ROW, BEAMS
from kaleido.generator import Generator
from kaleido.layers.copying import Copied, count_matches
from kaleido.layers.word_evidence import written_before
from kaleido.metrics.attributes import attribute_figures, has_truth, read_truth
from kaleido.metrics.captions import caption_figures, plain_cider, require_scorer
from kaleido.models import PAIR_INPUTS
from kaleido.progress import Progress
from kaleido.records import STRING_FIELDS, count_pieces
from kaleido.reports.caption_report import caption_page
from kaleido.tasks.task import (
    BASELINES_KNOW,
    Batch,
    Collected,
    Outcome,
    Task,
    picked,
)
from kaleido.text import Tokenizer
from kaleido.word_evidence import fit_word_evidence

# Factors of what closed forms say of words, of which validation chooses one.
_TRUSTS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5)
# What closed forms learn from, and what chooses their settings.
_LEARNT = ("train", "validation")
# References are whole texts, however long the captions may become.
_WHOLE = 512


class Captioning(Task):
    """Learns to write the text of a picture, word piece by word piece.

    With `context="nearest"` it may copy from the text of the most similar picture of
    training (`caption_context.py`; of a large catalogue what baselines know, too),
    which then is a row of the table: what it adds to it is seen.

    Captions and references are compared as the vocabulary writes them: lower case,
    punctuation apart.
    """

    def __init__(self, networks, config, run, records):
        super().__init__(networks, config, run, records, {"caption": 1.0})
        # What training never wrote it will not write.
        self._written = count_pieces(records, "train") > 0
        self._tokenizer = Tokenizer(records.vocabulary)
        self._context = self._copied_in_training = None
        if config.context == "nearest":
            self._context, self._copied_in_training = self._learn_context()
        joins = config.joins_closed_forms(run)
        self._generator = Generator(
            networks, records.vocabulary, self._written, copies=bool(self._context),
            layout=records.spec.patch_layout if joins else None,
        )
        self.copying = self._generator.copying

    def _learn_context(self) -> Tuple[CaptionContext, tf.lookup.StaticHashTable]:
        """Returns the context, and by record key the row of it that a picture of
        training may copy from."""
        columns = ("level_means", "token_ids", "product_key", "record_key")
        pairs = {split: self._collect(split, columns) for split in _LEARNT}
        known = (
            KnownPairs(*(pairs[split][name] for name in columns[:3]))
            for split in _LEARNT
        )
        logging.info("learning which pictures have similar texts")
        learnt = learn_context(
            *known, self.records.vocabulary.is_special, self.records.spec.patch_layout,
            self.config.training.seed,
        )
        logging.info("map of pictures to words: %s", learnt.chosen)
        rows = tf.lookup.KeyValueTensorInitializer(
            tf.constant(pairs["train"]["record_key"]),
            tf.constant(learnt.rows, tf.int32),
        )
        return learnt.context, tf.lookup.StaticHashTable(rows, -1)

    def _collect(self, split, columns) -> Collected:
        return Collected.of(map(self.padded, self.read_for_baselines(split)), columns)

    def add_targets(self, batch: Batch) -> Batch:
        """Adds `context_row` int32 [batch], of the text that a picture of training may
        copy from; -1 for others."""
        if self._copied_in_training is None:
            return batch
        rows = self._copied_in_training.lookup(batch["record_key"])
        return {**batch, "context_row": rows}

    def _context_of(self, batch) -> Optional[tf.Tensor]:
        """Returns the texts that captions of a batch may copy from."""
        if self._context is None:
            return None
        found = self._context.texts(batch["patch_features"], batch["product_key"])
        rows = batch["context_row"]
        known = self._context.arrays["token_ids"]
        found = tf.where(
            rows[:, None] >= 0, tf.gather(known, tf.maximum(rows, 0)), found
        )
        # XLA compiles a program a length.
        lengths = self.config.data.text_lengths
        return corruption.trim_texts({"token_ids": found}, lengths)["token_ids"]

    @classmethod
    def check_split(cls, task, records, split) -> None:
        require_scorer()
        super().check_split(task, records, split)

    def losses_of(self, batch, training: bool) -> Dict[str, losses.Summed]:
        score, places, count = self._asked(batch, training)
        logits = score(None)
        summed = losses.classification(logits, places, tf.ones_like(logits[:, 0]))
        return {"caption": summed._replace(count=count)}

    def _asked(self, batch, training: bool):
        """Reads a batch's texts, and says what is asked of them.

        Args:
            batch: of `preparation`.
            training: whether dropout is on.

        Returns:
            A function of `Generator.picture_evidence`, or None as in training, that
            returns logits float32 [n, pieces] of the pieces that can be written; what
            they are, int32 [n]; and how many there are in all, float32.
        """
        inputs = (batch[name] for name in PAIR_INPUTS)
        states = self.passes["states"](*inputs, training)
        targets = batch["token_ids"][:, 1:]
        places = self._generator.places(targets)
        there = tf.not_equal(targets, 0)
        # Half of a batch is padding, and each row costs a product with all pieces.
        rows = tf.where(tf.logical_and(there, places >= 0))
        context_ids, copied = self._context_of(batch), None
        if context_ids is not None:
            matches = count_matches(batch["token_ids"][:, :-1], context_ids)
            followers = self._generator.followers(context_ids)
            copied = Copied(
                tf.gather_nd(matches, rows), tf.gather(followers, rows[:, 0])
            )

        def score(evidence):
            if evidence is not None:
                evidence = tf.gather(evidence, rows[:, 0])
                written = self._generator.places(batch["token_ids"])
                spent = written_before(written, rows, tf.shape(evidence)[1])
                evidence = tf.where(spent, 0.0, evidence)
            return self._generator.scores(
                tf.gather_nd(states, rows), copied, evidence
            )

        # A piece that training never wrote is wrong whatever is said.
        count = tf.reduce_sum(tf.cast(there, tf.float32))
        return score, tf.gather_nd(places, rows), count

    def settle(self) -> bool:
        """Fits what pictures say of words, and chooses how much it counts."""
        evidence = self._generator.evidence
        if evidence is None or evidence.is_fitted:
            return False
        columns = ("level_means", "token_ids")
        pairs = (self._collect(split, columns) for split in _LEARNT)
        fitted, chosen = fit_word_evidence(
            *(tuple(split[name] for name in columns) for split in pairs),
            self._generator.piece_ids, self.records.spec.vocab_size,
        )
        logging.info("words from pictures in closed form: %s", chosen)
        evidence.set_weights([*fitted, 1.0])

        @tf.function(reduce_retracing=True)
        def costs(batch):
            said = self._generator.picture_evidence(batch["patch_features"])
            score, places, _ = self._asked(batch, False)
            each = (
                tf.nn.sparse_softmax_cross_entropy_with_logits(
                    places, score(trust * said)
                )
                for trust in _TRUSTS
            )
            return tf.stack([tf.reduce_sum(cost) for cost in each])

        total = sum(
            costs({k: v for k, v in batch.items() if k not in STRING_FIELDS}).numpy()
            for batch in self.read_for_baselines("validation")
        )
        logging.info("cost by trust in them: %s", dict(zip(_TRUSTS, total.tolist())))
        evidence.trust.assign(_TRUSTS[int(np.argmin(total))])
        return True

    @property
    def saved(self) -> Dict[str, tf.Module]:
        return {**super().saved, **self._generator.saved}

    @property
    def functions(self):
        return {"states": self._generator.states}

    @property
    def notes(self) -> Dict[str, np.ndarray]:
        context = {} if self._context is None else self._context.to_notes()
        return {"pieces": self._written, **context}

    def _writers(self):
        longest = self.records.spec.max_tokens
        seed = self.config.training.seed

        @tf.function(reduce_retracing=True)
        def write(features, positions, number, context):
            pictures = (features, positions, longest)
            written = {
                BEAM_ROW: self._generator.generate(
                    *pictures, beams=BEAMS, context_ids=context
                ),
                "greedy": self._generator.generate(*pictures, context_ids=context),
                "nucleus": self._generator.sample(
                    *pictures, seed=tf.stack([seed, number]), context_ids=context
                ),
            }
            if context is not None:
                missing = longest - tf.shape(context)[1]
                written["context"] = tf.pad(context, [[0, 0], [0, missing]])
            return written

        return write

    def evaluate_split(self, split: str, baselines: bool = True) -> Outcome:
        write, written, test = self._writers(), Collected(), Collected()
        progress = Progress(self.records.counts[split], "captions")
        for number, batch in enumerate(self.read(split)):
            features = tf.cast(batch["patch_features"], tf.float32)
            pictures = (features, batch["patch_positions"], tf.constant(number))
            written.add(write(*pictures, self._context_of(batch)))
            columns = {k: batch[k] for k in (*STRING_FIELDS, "product_key")}
            columns["level_means"] = self.level_means(batch)
            test.add(columns)
            progress.advance(len(features))
        progress.finish()
        rows, counts = self.without_leaks(split, test.strings("image_id"))
        captions: Dict[str, List[str]] = {
            name: self._read_pieces(written[name][rows]) for name in written.names
        }
        settings: Dict[str, Any] = {"audit": counts}
        known = ""
        if baselines:
            others, about = self._baselines(test, rows)
            captions.update(others)
            settings.update(about)
            known = BASELINES_KNOW.format(about["baselines_learn_from"])
        references = self._as_written(picked(test.strings("text"), rows))
        labels = picked(test.strings("labels"), rows)
        truths = []
        if has_truth(labels[0]):
            garments = picked(test.strings("subcategory"), rows)
            truths = [read_truth(*truth) for truth in zip(labels, garments)]
        figures, ciders = {}, {}
        logging.info("scoring %s", ", ".join(captions))
        scored = caption_figures(captions, [[reference] for reference in references])
        for name, (figures[name], ciders[name]) in scored.items():
            if truths:
                figures[name].update(attribute_figures(captions[name], truths))
        examples = picked(test.examples(), rows)
        if self._context is not None:
            settings["context_knows"] = len(self._context)
        if self._generator.evidence is not None:
            settings["trust"] = float(self._generator.evidence.trust)
        outcomes = {f"cider_{name}": values for name, values in ciders.items()}
        outcomes["ids"] = np.array([example["image_id"] for example in examples])
        outcomes["products"] = test["product_key"][rows]
        main = next(iter(captions))
        copied = " Ours may copy from the row `context`." if self._context else ""
        page = caption_page(
            "Captions", figures, captions, references, examples, ciders[main],
            f"{len(rows)} pictures of the {split} split; {counts['removed']} that "
            f"training has seen were left out.{known}{copied}",
        )
        # No caption is right or wrong.
        good = ciders[main] > np.median(ciders[main])
        halves = ("upper half by CIDEr", "lower half by CIDEr")
        cases = choose_cases(good, examples, captions[main], halves)
        return Outcome(figures, settings, outcomes, page, cases)

    def _baselines(self, test, rows):
        """Returns captions by name of a baseline, and what a reader must know."""
        train = Collected.of(
            self.read_for_baselines("train"), ("text", "subcategory", "level_means")
        )
        train_texts = self._as_written(train.strings("text"))
        captions: Dict[str, List[str]] = {}
        captions["nearest_picture"], nearest = self._nearest_captions(
            train["level_means"], train_texts, test["level_means"][rows]
        )
        captions["frequent"] = caption_baselines.frequent_captions(
            train.strings("subcategory"), train_texts,
            picked(test.strings("subcategory"), rows),
        )
        generated = test.strings("generated_caption")
        if any(generated):
            captions["show_attend_tell"] = picked(generated, rows)
        return captions, {
            "captioner": "show_attend_tell" in captions,
            "baselines_learn_from": len(train_texts),
            "nearest_picture": nearest,
        }

    def _nearest_captions(self, known, texts, asked):
        """Returns captions of the nearest pictures, compared as validation chose.

        Args:
            known: level means of training, whose texts are known.
            texts: of training.
            asked: level means of what is captioned.
        """
        validation = Collected.of(
            self.read_for_baselines("validation"), ("text", "level_means")
        )
        texts_there = self._as_written(validation.strings("text"))
        references = [[text] for text in texts_there]
        views = baselines.picture_views(self.records.spec.feature_size)
        learnt = {name: view.fit_transform(known) for name, view in views.items()}

        def captions(name, pictures):
            return caption_baselines.nearest_captions(
                learnt[name], texts, views[name].transform(pictures)
            )

        cider = {
            name: plain_cider(captions(name, validation["level_means"]), references)
            for name in views
        }
        best = max(cider, key=cider.get)
        logging.info("CIDEr of the nearest pictures' texts on validation: %s", cider)
        return captions(best, asked), {
            "features": best, "validation_cider": cider[best],
        }

    def _read_pieces(self, token_ids: np.ndarray) -> List[str]:
        return [self._tokenizer.decode(row) for row in token_ids]

    def _as_written(self, texts: List[str]) -> List[str]:
        """Returns texts as the vocabulary writes them."""
        if not texts:
            return []
        return self._read_pieces(self._tokenizer(tf.constant(texts), _WHOLE).numpy())
