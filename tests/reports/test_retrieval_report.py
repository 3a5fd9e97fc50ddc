"""The page of an evaluation holds what the results say."""

import re

import numpy as np
import pytest

from kaleido.manifest import draw_manifest
from kaleido.reports.retrieval_report import retrieval_page, subcategory_rows
from kaleido.retrieval_figures import Ranks, scorer_figures

ROWS = 50
SUBCATEGORIES = ["boots"] * 20 + ["coats"] * 25 + ["hats"] * 5


def results_of(gallery):
    """The floor finds nothing, the model every coat; ITM alone was asked 7 queries."""
    rows = np.arange(ROWS)
    manifest = draw_manifest(
        [f"{i:02d}" for i in rows], rows, rows, rows, SUBCATEGORIES,
        draws=2, candidates=11, gallery=gallery, origin={"audit": {"removed": 3}},
    )

    def figures(ranks, queries=rows):
        larger = np.tile(ranks + 1, (2, 1)) if manifest.gallery else None
        found = Ranks(queries, np.stack([ranks, ranks]), larger, ranks + 2)
        return scorer_figures(manifest, {"itr": found, "tir": found}, SUBCATEGORIES)

    coats_first = np.where((rows >= 20) & (rows < 45), 1, 7)
    return {
        "manifest": manifest.summary(), "primary": "contrastive",
        "floor": figures(np.full(ROWS, 8)),
        "scorers": {
            "contrastive": figures(coats_first),
            "itm": figures(np.full(7, 2), np.arange(7)),
        },
        "image_to_image": {
            "queries": 31, "rank_at_1": 0.25, "rank_at_5": 0.5, "rank_at_10": 0.75,
            "median_rank": 4.0,
        },
    }


def cells(page):
    """All rows of all tables, as tuples of texts."""
    rows = re.findall(r"<tr>(.*?)</tr>", page, re.S)
    return [tuple(re.findall(r"<td>(.*?)</td>", row, re.S)) for row in rows]


@pytest.fixture(scope="module")
def page():
    return retrieval_page(results_of(gallery=40), {})


def test_figures_by_candidates_and_by_draw(page):
    found = cells(page)
    every, two = "50.0/50.0/100.0", "0.0/50.0/100.0"
    assert ("contrastive", "11", every, "4.0", every, "4.0", "400.0") in found
    assert ("contrastive", "40", two, "5.0", two, "5.0", "300.0") in found
    assert ("contrastive", "full", two, "6.0", two, "6.0", "300.0") in found
    assert ("contrastive", "text to image", every, every) in found
    assert "too small for lists of 1,000" not in page
    assert "3 pairs of the split share a product" in page


def test_subcategories_stand_under_scorers_that_were_asked_all(page):
    assert subcategory_rows(results_of(gallery=40)) == [
        {"name": "coats", "queries": 25, "shares": [0.0, 0.0, 1.0, 1.0]},
        {"name": "boots", "queries": 20, "shares": [0.0, 0.0, 0.0, 0.0]},
    ]
    assert ("coats", "25", "0.0", "0.0", "100.0", "100.0") in cells(page)
    assert "<th>itm: image to text</th>" not in page


def test_image_to_image_is_shown_where_there_is_any(page):
    assert "31 pictures" in page and "25.0/50.0/75.0 (median rank 4.0)" in page
    without = {**results_of(gallery=40), "image_to_image": {"queries": 0}}
    assert "Image to image" not in retrieval_page(without, {})


def test_a_pool_too_small_for_the_larger_gallery_says_so():
    page = retrieval_page(results_of(gallery=1000), {})
    assert "The pool is too small for lists of 1,000." in page
    assert not any(row[1:2] == ("1000",) for row in cells(page))
