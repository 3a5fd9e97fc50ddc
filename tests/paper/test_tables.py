"""The paper's tables of our figures, by hand."""

import pytest

from kaleido import published
from kaleido.config import PAPER_TASKS
from kaleido.paper.curves import curves
from kaleido.paper.rows import TABLE_4
from kaleido.paper.tables import CELLS, paper_figures, paper_tables

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
        for rows in TABLE_4.values() for row in rows
    }
    made = paper_tables("table4", runs)
    names = [name for _, _, rows in made for name, _ in rows]
    assert [name.replace(" (paper)", "") for name in names[1::2]] == names[::2]
    assert set(names[::2]) == set(published.ABLATIONS)
    tasks = dict(made[2][2])
    assert tasks["B+I-V"]["SumR"]["mean"] == 305
    assert tasks["B+I-V (paper)"]["SumR"]["mean"] == 319.02
    assert dict(made[1][2])["AGM (paper)"]["SumR"]["mean"] == 319.52


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
