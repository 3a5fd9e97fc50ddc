"""The page of the ladder: a row a rung, mean and spread over seeds."""

from __future__ import annotations

from typing import Any, Mapping

from kaleido.config import TASKS
from kaleido.reports.page import render_page

_RETRIEVAL = ("itr_rank_at_1", "tir_rank_at_1", "sum_of_ranks", "itm_sum_of_ranks",
              "floor_sum_of_ranks")


def ladder_page(report: Mapping[str, Any]) -> str:
    """Returns the HTML page; `report` is the content of `ladder.json`."""
    losses = [f"val_{task}_loss" for task in TASKS]
    accuracies = [f"val_{task}_accuracy" for task in TASKS]
    rows = report["rungs"].items()
    return render_page(
        "Ladder",
        "ladder.html",
        {
            "report": report,
            "tables": [
                ("Retrieval on validation", _RETRIEVAL, rows),
                ("Validation losses", losses, rows),
                ("Validation accuracies", accuracies, rows),
            ],
        },
    )
