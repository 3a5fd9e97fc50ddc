"""Tables of results: whose figures are bold, and what rows are made of."""

import dataclasses

import numpy as np
import pytest

from kaleido import result_tables as tables
from kaleido.reports.joint_report import joint_markdown, joint_page, joint_tables
from kaleido.result_tables import Outcomes, Row, gather_rows
from kaleido.results import Result, parse_result


def row(name, outcomes, ids=None):
    outcomes = np.asarray(outcomes, float)
    ids = np.arange(len(outcomes)) if ids is None else ids
    return Row(name, {"x": outcomes.mean()}, {"x": Outcomes(outcomes, ids, ids)})


def test_the_best_is_marked_and_what_is_not_surely_worse():
    rng = np.random.default_rng(0)
    best = rng.random(400) < 0.8
    near = best.copy()
    near[np.flatnonzero(best)[:2]] = False
    worse = best & (rng.random(400) < 0.7)
    rows = [row("near", near), row("best", best), row("worse", worse)]
    rows.append(Row("published", {"x": 99.0}, source="a paper"))
    marked = tables.mark_best(rows, ["x"])
    assert [m.get("x") for m in marked] == [True, True, False, None]


def test_rows_of_other_examples_are_not_compared():
    high, low = np.ones(50), np.zeros(50)
    others = np.arange(100, 150)
    rows = [row("a", low), row("b", low), row("alone", high, others)]
    marked = tables.mark_best(rows, ["x"])
    assert [m.get("x") for m in marked] == [True, True, None]


def test_rows_of_another_protocol_are_not_compared():
    high, low = np.ones(50), np.zeros(50)
    rows = [row("a", low), row("b", low), row("other draws", high)]
    rows[2] = dataclasses.replace(rows[2], protocol="another manifest")
    marked = tables.mark_best(rows, ["x"])
    assert [m.get("x") for m in marked] == [True, True, None]


def test_examples_are_paired_by_their_ids():
    rng = np.random.default_rng(1)
    values, order = rng.random(60), rng.permutation(60)
    rows = [row("a", values), row("b", values[order], order)]
    # The same outcomes in another order: no difference at all.
    assert all(m["x"] for m in tables.mark_best(rows, ["x"]))
    shifted = row("c", values[order] - 0.01, order)
    # Every example is worse, if little: surely worse, but only when paired.
    marked = tables.mark_best([rows[0], shifted], ["x"])
    assert [m["x"] for m in marked] == [True, False]


def classification(name, accuracy, inputs="both"):
    figures = {
        "accuracy": accuracy, "top_3": 1.0, "macro_f": 0.5, "macro_f_union": 0.4,
        "calibration_error": 0.1,
    }
    content = {
        "task": "subcategory", "inputs": inputs, "split": "test",
        "rows": [
            {"name": "ours", **figures},
            {"name": "text_regression", **figures, "accuracy": 0.5},
        ],
    }
    right = np.arange(10) < 10 * accuracy
    arrays = {
        "right_ours": right, "right_text_regression": np.arange(10) < 5,
        "ids": np.arange(10), "products": np.arange(10),
    }
    return Result(name, content, arrays)


def test_a_baseline_that_two_runs_measured_alike_stands_once_with_what_it_sees():
    table, = joint_tables([classification("a", 0.9), classification("b", 0.2)])
    names = [r.name for r in table.rows if not r.source]
    assert names == [
        "a (text + picture)", "text_regression (text)", "b (text + picture)",
    ]
    assert table.rows[0].figures["accuracy"] == 90
    assert table.rows[0].figures["calibration error"] == 0.1
    published = {r.name: r.figures for r in table.rows if r.source}
    assert published["Kaleido-BERT"]["accuracy"] == 88.07


def test_a_row_says_how_it_was_made_and_what_chose_it():
    made = classification("a", 0.9)
    state = {**made.content["rows"][0], "name": "cls"}
    made.content["rows"].insert(1, state)
    made.arrays["right_cls"] = made.arrays["right_ours"]
    made.content.update(
        start="random", balance="logits", chosen_on_itself=True, split="validation"
    )
    table, = joint_tables([made])
    ours, state, baseline = (row for row in table.rows if not row.source)
    assert state.name == f"{ours.name.rpartition(' (text')[0]}, [CLS] alone" + (
        " (text + picture)"
    )
    assert ours.name == "a [start random, balance logits] (text + picture)"
    assert baseline.name == "text_regression (text)"
    assert "validation (on which it was chosen)" in ours.protocol


def test_markdown_has_a_cell_a_column_and_each_command_once():
    made, other = classification("a", 0.9), classification("b", 0.2)
    made.content["commands"] = ["python -m build", "python -m a"]
    other.content["commands"] = ["python -m build", "python -m b"]
    page = joint_markdown(joint_tables([made, other]), [made, other])
    lines = page.splitlines()
    rows = [line for line in lines if line.startswith("|")]
    assert {line.count("|") for line in rows} == {len(tables.CLASS_COLUMNS) + 3}
    assert "| a (text + picture) | **90.00** | 100.00 |" in page
    assert "| b (text + picture) | 20.00 | 100.00 |" in page
    assert "| Kaleido-BERT (published, " in page
    assert lines[-4:-1] == ["python -m build", "python -m a", "python -m b"]


def captions(name, **changes):
    figures = {
        "bleu_4": 0.1, "meteor": None, "rouge_l": 0.3, "cider": 0.5, "distinct_1": 0.2,
        "distinct_2": 0.4, "words": 7.0, "captions": 10, "tokenizer": "words",
    }
    rows = [{"name": "beam_4", **figures, "cider": changes.pop("ours", 0.6)},
            {"name": "frequent", **figures, **changes}]
    arrays = {f"cider_{row['name']}": np.full(10, row["cider"]) for row in rows}
    arrays.update(ids=np.arange(10), products=np.arange(10))
    content = {"task": "caption", "split": "test", "rows": rows}
    return Result(name, content, arrays)


def test_baselines_of_captions_stand_once_and_apart_where_they_differ():
    table, = joint_tables([captions("a"), captions("b", ours=0.7)])
    names = [r.name for r in table.rows if not r.source]
    assert names == ["a: beam_4", "frequent", "b: beam_4"]
    table, = joint_tables([captions("a"), captions("b", ours=0.7, cider=0.1)])
    names = [r.name for r in table.rows if not r.source]
    assert names == ["a: beam_4", "frequent", "b: beam_4", "b: frequent"]


def retrieval(name, task, first, floor=0.3):
    """Results of a fine-tuning of ten queries, three draws."""
    def figures(share):
        found = {f"rank_at_{k}": share for k in (1, 5, 10)}
        return {"queries": 10, "std": 0.02, **found}

    def scorer(share):
        found = dict.fromkeys(("itr", "tir"), figures(share))
        return {**found, "sum_of_ranks": 600 * share}

    content = {
        "start": "pretrained", "finetuned_for": task, "split": "test",
        "manifest": {"candidates": 5, "fill_rate": 1.0, "fingerprint": "f", "seed": 0},
        "scorers": {"contrastive": scorer(first)}, "floor": scorer(floor),
    }
    arrays = {"query_ids": np.arange(10), "query_products": np.arange(10)}
    for stored, share in (("contrastive", first), ("floor", floor)):
        for direction in ("itr", "tir"):
            ranks = np.where(np.arange(10) < 10 * share, 1, 2)
            arrays[f"{stored}/{direction}/lists"] = np.tile(ranks, (3, 1))
            arrays[f"{stored}/{direction}/queries"] = np.arange(10)
    return Result(name, content, arrays)


def test_fine_tunings_for_either_way_are_told_apart_and_draws_deviate():
    made = [retrieval("ours", "itr", 0.5), retrieval("ours", "tir", 0.6)]
    table, = joint_tables(made)
    names = [r.name for r in table.rows if not r.source]
    assert names == [
        "ours [fine-tuned for ITR]: contrastive", "ridge map",
        "ours [fine-tuned for TIR]: contrastive",
    ]
    for result in made:
        result.content["provenance"] = {
            "versions": {}, "seed": 0, "model": "m", "records": "r",
        }
    for page in (joint_markdown([table], made), joint_page([table], made)):
        assert "50.00 ± 2.00" in page and "60.00 ± 2.00" in page


def test_runs_of_one_name_and_other_figures_are_refused():
    same = [row("a", np.ones(10)), row("a", np.ones(10))]
    assert gather_rows(same) == same[:1]
    with pytest.raises(ValueError, match="names of their own. Received: two of 'a'"):
        gather_rows([same[0], row("a", np.zeros(10))])


def test_a_file_without_results_is_named(tmp_path):
    with pytest.raises(ValueError, match="mine has no results .*Received: keys"):
        joint_tables([Result("mine", {"loss": 1.0}, {})])
    # What lies beside a file without results is not asked for.
    for text, message in {
        '{"difference": 1}': "other.json has no results .*Received: keys .'difference'",
        "[1]": "other.json has no results .*Received: keys list",
        "{": "other.json is no JSON file. Received: Expecting",
    }.items():
        path = tmp_path / "other.json"
        path.write_text(text)
        with pytest.raises(ValueError, match=message):
            parse_result(f"a={path}")
    with pytest.raises(ValueError, match="takes NAME=FILE.json. Received: 'a'"):
        parse_result("a")
