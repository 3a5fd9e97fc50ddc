"""The paper's tables of our figures, by hand."""

import pytest

from kaleido import published
from kaleido.config import PAPER_TASKS
from kaleido.paper.curves import curves
from kaleido.paper.rows import TABLE_4
from kaleido.paper.scales import SCALES
from kaleido.paper.tables import CELLS, paper_figures, paper_tables
from kaleido.reports.paper_report import (
    figure_markdown,
    figure_page,
    table_markdown,
    table_page,
)

PAPER = "(published, arXiv 2103.16110, Table "
CLASSES = {"ours_accuracy": 0.75, "ours_macro_f": 0.5, "nearest_accuracy": 0.25}
CAPTIONS = {
    "beam_4_bleu_4": 0.0625, "beam_4_meteor": 0.125, "beam_4_rouge_l": 0.25,
    "beam_4_cider": 0.5, "greedy_cider": 0.75,
}
RANKS = {
    "itm_itr": 50.0, "itm_itr_5": 75.0, "itm_itr_10": 100.0, "itm_tir": 25.0,
    "itm_tir_5": 50.0, "itm_tir_10": 75.0, "itm_sum_of_ranks": 375.0,
    "contrastive_itr": 60.0, "contrastive_sum_of_ranks": 400.0, "itm_queries": 9,
    "both_itr": 65.0, "both_itr_before": 62.0,
}


def test_figures_have_the_papers_names_and_sums():
    figures = paper_figures(
        {"retrieval": RANKS, "category": CLASSES, "subcategory": CLASSES,
         "caption": CAPTIONS}
    )
    assert figures == {
        "ITR @1": 50, "ITR @5": 75, "ITR @10": 100, "TIR @1": 25, "TIR @5": 50,
        "TIR @10": 75, "SumR": 375, "ITR @1, contrastive": 60,
        "SumR, contrastive": 400, "queries": 9,
        "ITR @1, hubs corrected + match head": 65,
        "ITR @1, hubs corrected, of these queries": 62,
        "CR accuracy": 75, "CR macro-F": 50,
        "SUB accuracy": 75, "SUB macro-F": 50, "SumCLS": 250, "BLEU-4": 6.25,
        "METEOR": 12.5, "ROUGE-L": 25, "CIDEr": 50, "SumCAP": 93.75,
    }


def test_a_sum_of_which_a_part_is_missing_is_none():
    captions = {k: v for k, v in CAPTIONS.items() if k != "beam_4_meteor"}
    figures = paper_figures({"caption": captions, "category": CLASSES})
    assert "CIDEr" in figures
    assert not {"SumCAP", "SumCLS", "SumR", "METEOR"} & set(figures)


def test_published_sums_are_the_papers_own():
    (_, columns, rows), = paper_tables("table3", {})
    found = dict(rows)[f"Kaleido-BERT {PAPER}3)"]
    assert found["SumCLS"]["mean"] == pytest.approx(318.14)
    assert found["SumCAP"]["mean"] == pytest.approx(84.0)
    assert "SumCAP" not in dict(rows)[f"ImageBERT {PAPER}3)"]
    assert set(found) <= set(columns)


def test_every_row_of_table_4_stands_above_the_papers():
    runs = {
        row.name: [{"SumR": 300.0, "ITR @1": 20.0}, {"SumR": 310.0, "ITR @1": 22.0}]
        for rows in TABLE_4.values() for _, row in rows
    }
    made = paper_tables("table4", runs)
    names = [name for _, _, rows in made for name, _ in rows]
    assert [name.replace(" (paper)", "") for name in names[1::2]] == names[::2]
    assert set(names[::2]) == set(published.ABLATIONS)
    tasks = dict(made[2][2])
    assert tasks["B+I-V"]["SumR"]["mean"] == 305
    assert tasks["B+I-V (paper)"]["SumR"]["mean"] == 319.02
    assert dict(made[1][2])["AGM (paper)"]["SumR"]["mean"] == 319.52
    # Ours have no contrastive view here: no column of dashes.
    assert made[0][1] == ["ITR @1", "TIR @1", "SumR", "queries", "SumCLS", "SumCAP"]


def test_what_ranks_all_queries_comes_first():
    figures = paper_figures({"retrieval": RANKS})
    columns = paper_tables("table4", {"B": [figures]})[0][1]
    assert columns[:2] == ["ITR @1, contrastive", "SumR, contrastive"]
    assert "queries" in columns
    (_, _, rows), = paper_tables("table2", {"Kaleido-BERT": [figures]})
    assert rows[0][0] == "Kaleido-BERT (ours), contrastive"


def test_the_page_says_what_no_deviation_shows():
    figures = paper_figures({"retrieval": RANKS})
    runs = {"B": [figures, figures]}
    report = {
        "scale": "small", "seeds": ["0", "1"], "command": "python", "init": "bert",
        "reused": ["captioner=there"], "tables": paper_tables("table4", runs),
    }
    page = table_markdown(report)
    lines = [line for line in page.splitlines() if line.startswith("| B |")]
    assert [line.split(" | ")[-3] for line in lines] == ["9"]
    note = " ".join(page.split())
    lists = SCALES["small"].whole_lists
    assert lists > 100
    error = 50 / lists**0.5
    assert f"With {lists} queries Rank@1 has a standard error of up to {error:.1f}" in (
        note
    )
    assert "share one captioner, one set of records with its mask plans" in note
    assert "begin with bert." in note and "Not trained here: captioner=there." in note
    assert " ".join(table_page(report).split()).count("Not trained here") == 1


def test_retrieval_has_a_row_for_each_way_to_rank():
    (_, _, rows), = paper_tables("table2", {"Kaleido-BERT": [paper_figures(
        {"retrieval": RANKS})]})
    named = dict(rows)
    assert named["Kaleido-BERT (ours), match head"]["SumR"]["mean"] == 375
    by_cosine = named["Kaleido-BERT (ours), contrastive"]
    assert by_cosine["SumR"]["mean"] == 400 and by_cosine["ITR @1"]["mean"] == 60
    assert "Kaleido-BERT (ours), hubs corrected" not in named
    before = named["Kaleido-BERT (ours), hubs corrected, of these queries"]
    assert before == {"ITR @1": {"mean": 62.0, "std": None, "runs": 1}}
    assert named[f"Kaleido-BERT {PAPER}2)"]["SumR"]["mean"] == 319.52


def test_tables_share_the_cells_of_ours():
    folders = {table: {cell.folder for cell in CELLS[table]} for table in CELLS}
    assert "kaleido_bert/retrieval" in folders["table2"] & folders["table4"]
    assert "kaleido_bert/caption" in folders["table3"] & folders["table4"]
    assert len(folders["table4"]) == len(CELLS["table4"]) == 40


def test_curves_are_of_the_seven_tasks():
    def line(step, loss):
        return {"step": step, **{f"val_{task}_loss": loss for task in PAPER_TASKS}}

    lines = [line(0, 9.0), line(2, 7.0), {"step": 3, "loss": 1.0}]
    found = curves({"0": lines}, "loss")
    assert found == {task: {"0": [(0, 9.0), (2, 7.0)]} for task in PAPER_TASKS}
    with pytest.raises(ValueError, match="seed 1 has no loss of mlm"):
        curves({"0": lines, "1": lines[2:]}, "loss")


@pytest.mark.parametrize("what", ["loss", "accuracy"])
def test_figures_say_what_was_not_trained_here(what):
    lines = [
        {"step": step, **{f"val_{task}_{what}": value for task in PAPER_TASKS}}
        for step, value in ((0, 0.25), (2, 0.75))
    ]
    found = curves({"0": lines, "1": lines}, what)
    assert list(found) == list(PAPER_TASKS)
    assert found["itm"]["1"] == [(0, 0.25), (2, 0.75)]
    report = {
        "scale": "smoke", "seeds": ["0", "1"], "command": "python -m x", "number": 7,
        "what": what, "curves": found, "init": "bert", "reused": ["captioner=there"],
    }
    page = " ".join(figure_page(report, b"png").split())
    lines = figure_markdown(report).splitlines()
    for text in (page, " ".join(lines)):
        assert "Not trained here: captioner=there." in text
        assert "begin with bert." in text and "python -m x" in text
    assert "| itm | 0.250 → 0.750; 0.250 → 0.750 |" in lines
    assert "<td>0.250 → 0.750; 0.250 → 0.750</td>" in page
    assert f"![{what} of each task by step](figure7.png)" in lines
