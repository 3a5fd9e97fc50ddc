"""Pages of the paper's tables and figures, ours beside the published ones."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Tuple

from kaleido.metrics.retrieval import largest_error
from kaleido.paper.scales import SCALES
from kaleido.reports.page import png_uri, render_markdown, render_page


def table_page(report: Mapping[str, Any]) -> str:
    """Returns the HTML page; `report` is the content of `table<n>.json`."""
    return render_page("The paper's tables", "paper.html", _of_table(report))


def table_markdown(report: Mapping[str, Any]) -> str:
    """Returns the page as GitHub shows it."""
    return render_markdown("paper.md", _of_table(report))


def _of_table(report):
    lists = SCALES[report["scale"]].whole_lists
    return {
        "report": report, "whole_lists": lists, "standard_error": largest_error(lists)
    }


def figure_page(report: Mapping[str, Any], png: bytes) -> str:
    """Returns the HTML page of a figure.

    Args:
        report: the content of `figure<n>.json`.
        png: the picture.
    """
    return render_page(
        f"The paper's Figure {report['number']}", "paper_figure.html",
        {"report": report, "picture": png_uri(png), "ends": _ends(report)},
    )


def figure_markdown(report: Mapping[str, Any]) -> str:
    """Returns the page as GitHub shows it, beside the picture `figure<n>.png`."""
    return render_markdown(
        "paper_figure.md", {"report": report, "ends": _ends(report)}
    )


def _ends(report) -> Dict[str, List[Tuple[float, float]]]:
    """By task, the first and the last figure of each seed."""
    return {
        task: [(points[0][1], points[-1][1]) for points in by_seed.values()]
        for task, by_seed in report["curves"].items()
    }
