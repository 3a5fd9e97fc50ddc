"""What is reported of ranks, by hand."""

import dataclasses

import numpy as np
import pytest

from kaleido import retrieval_figures
from kaleido.manifest import draw_manifest
from kaleido.retrieval_figures import Ranks, by_subcategory, scorer_figures

ROWS = 30
SUBCATEGORIES = ["boots"] * 20 + ["coats"] * 4 + [""] * 6


@pytest.fixture(scope="module")
def manifest():
    rows = np.arange(ROWS)
    return draw_manifest(
        [f"{i:02d}" for i in rows], rows, rows, rows, SUBCATEGORIES,
        draws=2, candidates=11, gallery=25,
    )


def some_ranks(first_draw):
    """Of all queries; in the second draw all are second."""
    return Ranks(
        queries=np.arange(ROWS),
        lists=np.stack([first_draw, np.full(ROWS, 2)]),
        larger=np.full((2, ROWS), 6),
        full=np.full(ROWS, 11),
    )


def test_figures_by_candidates_by_draw_and_of_neighbours(manifest):
    # The boots are found first, the coats seventh, the others last.
    first = np.array([1] * 20 + [7] * 4 + [11] * 6)
    ranks = {"itr": some_ranks(first), "tir": some_ranks(np.ones(ROWS))}
    figures = scorer_figures(manifest, ranks, SUBCATEGORIES)
    itr = figures["itr"]
    assert itr["rank_at_1"] == round((20 / 30 + 0) / 2, 4)
    assert itr["rank_at_10"] == round((24 / 30 + 1) / 2, 4)
    assert itr["median_rank"] == 1.5 and itr["std"] == round(20 / 30 / 2**0.5, 4)
    assert itr["queries"] == 30 and itr["draws"] == 2
    assert [draw["rank_at_1"] for draw in itr["by_draw"]] == [round(20 / 30, 4), 0.0]
    assert [draw["rank_at_5"] for draw in itr["by_draw"]] == [round(20 / 30, 4), 1.0]
    found = itr["by_candidates"]
    assert list(found) == ["11", "25", "full"]
    assert found["25"]["rank_at_5"] == 0.0 and found["25"]["rank_at_10"] == 1.0
    assert found["full"]["rank_at_10"] == 0.0 and "std" not in found["full"]
    assert itr["full"] == found["full"] and itr["full"]["median_rank"] == 11.0
    # Twenty boots have ten boots each as negatives; coats have three.
    assert itr["neighbours_only"]["queries"] == 20
    assert itr["neighbours_only"]["rank_at_1"] == 0.5
    assert itr["by_subcategory"] == {"boots": {"queries": 20, "rank_at_1": 0.5}}
    # itr 33.33 + 83.33 + 90, tir 50 + 100 + 100, as they are rounded.
    sums = figures["sum_of_ranks_by_candidates"]
    assert sums["11"] == figures["sum_of_ranks"] == pytest.approx(456.66, abs=0.02)
    assert sums["25"] == 200.0 and sums["full"] == 0.0


def test_what_a_slow_scorer_has_not_ranked_is_left_out(manifest):
    ranks = Ranks(np.array([3, 21, 22]), np.array([[1, 4, 2]]))
    figures = scorer_figures(manifest, {"itr": ranks, "tir": ranks}, SUBCATEGORIES)
    itr = figures["itr"]
    assert list(itr["by_candidates"]) == ["11"] and "full" not in itr
    assert itr["queries"] == 3 and itr["draws"] == 1 and "std" not in itr
    assert itr["neighbours_only"] == {
        "queries": 1, "rank_at_1": 1.0, "rank_at_5": 1.0, "rank_at_10": 1.0,
        "median_rank": 1.0,
    }
    assert itr["by_subcategory"] == {}
    none = dataclasses.replace(manifest, all_neighbours=np.zeros(ROWS, bool))
    figures = scorer_figures(none, {"itr": ranks, "tir": ranks}, SUBCATEGORIES)
    assert figures["itr"]["neighbours_only"] == {"queries": 0}


def test_a_subcategory_is_that_of_the_query_and_needs_enough_queries(monkeypatch):
    monkeypatch.setattr(retrieval_figures, "LEAST_QUERIES", 2)
    ranks = Ranks(np.arange(6), np.array([[1, 2, 1, 1, 1, 1], [1, 2, 2, 2, 1, 1]]))
    names = ["hats", "boots", "boots", "boots", "", ""]
    assert by_subcategory(ranks, names) == {
        "boots": {"queries": 3, "rank_at_1": round(2 / 6, 4)}
    }
