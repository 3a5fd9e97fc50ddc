"""The page that quickstart ends with."""

from __future__ import annotations

from typing import Any, List, Mapping

from kaleido.reports.page import figure_uri, render_page
from kaleido.reports.retrieval_report import TASK_NAMES, scorer_rows
from kaleido.reports.training_report import TITLES, plot_tasks


def ranks(figures: Mapping[str, float]) -> str:
    """Returns `55.8/86.9/94.7`."""
    return "/".join(f"{100 * figures[f'rank_at_{k}']:.1f}" for k in (1, 5, 10))


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
    asked = results["manifest"]["queries"]
    return render_page(
        "Kaleido-BERT quickstart",
        "quickstart.html",
        {
            "report": report,
            "manifest": results["manifest"],
            "rows": [
                # Figures of a few queries do not stand beside those of all.
                (name, figures) for name, figures in scorer_rows(results)
                if figures["itr"].get("queries", asked) == asked
            ],
            "tasks": list(TASK_NAMES),
            "names": TASK_NAMES,
            "titles": TITLES,
            "plot": figure_uri(plot_tasks(lines, chances)),
        },
    )
