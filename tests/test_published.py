"""The published rows are copied rightly: their sums are those that the paper prints."""

import pytest

from kaleido import published

# The paper's own sums (Table 2).
SUMS = {
    "VSE": 75.20, "VSE++": 94.16, "SCAN": 87.29, "PFAN": 101.90, "ViLBERT": 218.13,
    "VLBERT": 212.84, "FashionBERT": 251.36, "ImageBERT": 241.30, "OSCAR": 251.53,
    "Kaleido-BERT": 319.52,
}
# SumCLS and SumCAP (Table 3).
CLASSES = {"FashionBERT": 309.02, "ImageBERT": 298.28, "OSCAR": 307.82,
           "Kaleido-BERT": 318.14}
CAPTIONS = {"FashionBERT": 72.9, "OSCAR": 76.2, "Kaleido-BERT": 84.0}


def test_sums_of_ranks_are_the_papers():
    found = {row.model: row.sum_of_ranks for row in published.RETRIEVAL}
    # Rows of other papers give Rank@1 alone.
    assert {model: total for model, total in found.items() if total} == SUMS


def test_sums_of_classes_and_captions_are_the_papers():
    papers = [row for row in published.TASKS if row.model in CLASSES]
    classes = {
        row.model: sum(a + 100 * f for a, f in (row.category, row.subcategory))
        for row in papers
    }
    assert classes == pytest.approx(CLASSES, abs=0.011)
    captions = {row.model: sum(row.captions) for row in papers if row.captions}
    assert captions == pytest.approx(CAPTIONS, abs=0.011)
