"""The page that quickstart ends with."""

from __future__ import annotations

from typing import Any, List, Mapping

from kaleido.reports.page import figure_uri, render_page
from kaleido.reports.retrieval_report import TASK_NAMES, asked_everything
from kaleido.reports.training_report import TITLES, plot_tasks


def quickstart_page(
    report: Mapping[str, Any],
    results: Mapping[str, Any],
    lines: List[Mapping[str, Any]],
    chances: Mapping[str, float],
) -> str:
    """Returns the HTML page.

    Args:
        report: content of `report.json`.
        results: of the evaluation.
        lines: of `metrics.jsonl`.
        chances: accuracy of guessing, by task.
    """
    return render_page(
        "Kaleido-BERT quickstart",
        "quickstart.html",
        {
            "report": report,
            "manifest": results["manifest"],
            "rows": asked_everything(results),
            "tasks": list(TASK_NAMES),
            "names": TASK_NAMES,
            "titles": TITLES,
            "plot": figure_uri(plot_tasks(lines, chances)),
        },
    )
