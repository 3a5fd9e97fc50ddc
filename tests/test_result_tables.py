"""Tables of results: whose figures are bold, and what rows are made of."""

import dataclasses

import numpy as np
import pytest

from kaleido import result_tables as tables
from kaleido.reports.joint_report import joint_markdown, joint_tables
from kaleido.result_tables import Result, Row


def row(name, outcomes, ids=None):
    outcomes = np.asarray(outcomes, float)
    ids = np.arange(len(outcomes)) if ids is None else ids
    return Row(name, {"x": outcomes.mean()}, {"x": (outcomes, ids)})


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
        "ids": np.arange(10),
    }
    return Result(name, content, arrays)


def test_a_baseline_that_two_runs_measured_alike_stands_once():
    table, = joint_tables([classification("a", 0.9), classification("b", 0.2)])
    names = [r.name for r in table.rows if not r.source]
    assert names == [
        "a (text + picture)", "text_regression (text + picture)", "b (text + picture)",
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
    assert baseline.name == "text_regression (text + picture)"
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


def test_a_file_without_results_is_named():
    with pytest.raises(ValueError, match="mine has no results .*Received: keys"):
        joint_tables([Result("mine", {"loss": 1.0}, {})])
