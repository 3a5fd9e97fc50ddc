"""The page of an alignment measurement: methods and baselines, then part by part."""

from __future__ import annotations

from typing import Any, Mapping

from kaleido.reports.page import render_page


def alignment_page(results: Mapping[str, Any]) -> str:
    """Returns the HTML page of `alignment_evaluation.evaluate_alignment`'s results."""
    return render_page(
        "Alignment",
        "alignment.html",
        {
            "results": results,
            "rows": [*results["baselines"].items(), *results["methods"].items()],
            "figures": ("pointing", "found", "precision", "recall", "coverage"),
        },
    )
