"""FC: what the loss counts, and what stands in the table."""

import json

import numpy as np
import pytest
import tensorflow as tf
from sklearn.preprocessing import FunctionTransformer

from kaleido import baselines
from kaleido.metrics.captions import caption_figures
from kaleido.records import count_pieces
from kaleido.tasks import task as task_module
from tests import tiny_records
from tests.tasks.tiny_tasks import first_batch, make_task


@pytest.fixture(scope="module")
def record_set(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("records"))
    return tiny_records.write_tiny_records(folder, train=24, validation=8, test=12)


@pytest.fixture(scope="module")
def outcome(record_set):
    return make_task("caption", record_set).evaluate_split("test")


def test_each_piece_after_the_first_counts_once_and_padding_never(record_set):
    task = make_task("caption", record_set)
    batch = first_batch(task)
    summed = task.losses_of(batch, False)["caption"]
    ids = batch["token_ids"].numpy()
    assert float(summed.count) == (ids != 0).sum() - len(ids)
    # Untrained: about as good as guessing among all pieces that training writes.
    guessing = np.log((count_pieces(record_set, "train") > 0).sum())
    assert float(summed.loss / summed.count) == pytest.approx(guessing, abs=0.5)
    longer = tf.pad(batch["token_ids"], [[0, 0], [0, 3]])
    padded = task.losses_of({**batch, "token_ids": longer}, False)["caption"]
    assert float(padded.loss) == pytest.approx(float(summed.loss), rel=1e-4)


def test_the_table_holds_three_ways_to_decode_and_the_baselines(outcome):
    names = ["beam_4", "greedy", "nucleus", "nearest_picture", "frequent"]
    assert list(outcome.rows) == names
    assert outcome.settings["captioner"] is False
    assert len(outcome.outcomes["ids"]) == 12
    for name, figures in outcome.rows.items():
        assert figures["captions"] == 12
        mean = outcome.outcomes[f"cider_{name}"].mean()
        assert figures["cider"] == pytest.approx(mean)
        # These records are of no rendered catalogue.
        assert "named" not in figures
    # Words that a picture's neighbour has, too, beat those of untrained networks.
    assert outcome.rows["nearest_picture"]["cider"] > outcome.rows["greedy"]["cider"]


def test_a_context_is_the_text_of_another_product_and_a_row(record_set):
    task = make_task("caption", record_set, context="nearest")
    batch = first_batch(task)
    # Each picture is its own most similar one, and no product is its own context.
    own = batch["token_ids"].numpy()
    itself = task._context.texts(batch["patch_features"]).numpy()
    np.testing.assert_array_equal(itself[:, : own.shape[1]], own)
    assert not itself[:, own.shape[1] :].any()
    known = task.notes
    for row, key in zip(task._context_of(batch).numpy(), batch["product_key"].numpy()):
        texts = known["context_token_ids"][known["context_product_keys"] != key]
        assert (texts[:, : len(row)] == row).all(axis=1).any()
    plain = make_task("caption", record_set)
    with_context, without = (
        float(t.losses_of(batch, False)["caption"].loss) for t in (task, plain)
    )
    assert with_context != without
    assert {"context_pictures", "context_token_ids"} < set(task.notes)
    measured = task.evaluate_split("test")
    rows = measured.rows
    own = task.evaluate_split("test", baselines=False)
    assert own.rows == {name: rows[name] for name in list(rows)[:4]}
    assert "Baselines know" in measured.page and "Baselines know" not in own.page
    assert set(rows) == {
        "beam_4", "greedy", "nucleus", "context", "nearest_picture", "frequent",
    }
    assert "may copy from the row" in measured.page
    assert rows["context"]["captions"] == 12 and list(rows)[0] == "beam_4"


def test_what_training_has_seen_is_in_no_row(tmp_path):
    some = tiny_records.write_tiny_records(
        str(tmp_path), 24, 6, test=9, captioned=True, leaks=2
    )
    task = make_task("caption", some)
    outcome = task.evaluate_split("test")
    assert outcome.settings["audit"]["removed"] == 2
    ids = outcome.outcomes["ids"].tolist()
    assert ids == [f"test_{i}" for i in range(2, 9)]
    assert all(figures["captions"] == 7 for figures in outcome.rows.values())
    # Each picture's own captions, and no neighbour's, stand beside it.
    (batch,) = task.read("test")
    written = [text.decode() for text in batch["generated_caption"].numpy()[2:]]
    texts = [text.decode() for text in batch["text"].numpy()[2:]]
    scored, ciders = caption_figures(
        {"captioner": written}, [[text] for text in texts]
    )["captioner"]
    np.testing.assert_allclose(outcome.outcomes["cider_show_attend_tell"], ciders)
    assert outcome.rows["show_attend_tell"]["cider"] == scored["cider"]


def test_what_the_nearest_picture_is_found_by_is_chosen_on_validation(
    record_set, monkeypatch
):
    task = make_task("caption", record_set)
    # Of the two views of pictures one is made worthless: by it all are alike.
    views = baselines.picture_views(record_set.spec.feature_size)
    train = task_module.Collected()
    for batch in task.read_for_baselines("train"):
        train.add({k: batch[k] for k in ("text", "level_means")})
    known, texts = train["level_means"], train.strings("text")
    for worthless in views:
        monkeypatch.setattr(
            baselines, "picture_views",
            lambda whole, name=worthless: {
                **views, name: FunctionTransformer(np.ones_like)
            },
        )
        captions, chosen = task._nearest_captions(known, texts, known)
        assert chosen["features"] != worthless and captions == texts


def test_the_captioner_has_a_row_where_the_records_hold_its_captions(
    tmp_path
):
    others = tiny_records.write_tiny_records(
        str(tmp_path), train=24, validation=8, test=12, captioned=True
    )
    outcome = make_task("caption", others).evaluate_split("test")
    assert list(outcome.rows)[-1] == "show_attend_tell"
    assert outcome.rows["show_attend_tell"]["words"] == 1.0


def test_the_same_seed_writes_the_same_captions(record_set, outcome):
    again = make_task("caption", record_set).evaluate_split("test")
    assert json.dumps(again.rows) == json.dumps(outcome.rows)


def test_words_in_closed_form_join_once_training_has_ended(record_set):
    run = tiny_records.tiny_config(
        model={"num_layers": 1}, training={"ridge_warm_start": True}
    )
    task = make_task("caption", record_set, run=run)
    batch = first_batch(task, "validation")
    evidence = task._generator.evidence

    def cost(trust):
        evidence.trust.assign(trust)
        said = task._generator.picture_evidence(batch["patch_features"])
        score, places, _ = task._asked(batch, False)
        return float(
            tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(places, score(said))
            )
        )

    plain = task.losses_of(batch, False)["caption"]
    count = len(task._asked(batch, False)[1])
    assert cost(0.0) == pytest.approx(float(plain.loss) / count, rel=1e-4)
    assert task.settle()
    chosen = float(evidence.trust)
    # The records' pictures speak of their words; validation has eight.
    assert chosen > 0.0 and not task.settle()
    assert cost(chosen) <= min(cost(0.0), cost(1.5)) + 1e-6
    assert task.saved["evidence"] is evidence
    without = make_task("caption", record_set, run=run, closed_forms=False)
    assert "evidence" not in without.saved and not without.settle()
