"""Pages of the paper's tables and figures, ours beside the published ones."""

from __future__ import annotations

from typing import Any, Mapping

from kaleido.reports.page import png_uri, render_markdown, render_page


def table_page(report: Mapping[str, Any]) -> str:
    """Returns the HTML page; `report` is the content of `table<n>.json`."""
    return render_page("The paper's tables", "paper.html", {"report": report})


def table_markdown(report: Mapping[str, Any]) -> str:
    """Returns the page as GitHub shows it."""
    return render_markdown("paper.md", {"report": report})


def figure_page(report: Mapping[str, Any], png: bytes) -> str:
    """Returns the HTML page of a figure.

    Args:
        report: the content of `figure<n>.json`.
        png: the picture.
    """
    first_and_last = {
        task: [(points[0][1], points[-1][1]) for points in by_seed.values()]
        for task, by_seed in report["curves"].items()
    }
    return render_page(
        f"The paper's Figure {report['number']}", "paper_figure.html",
        {"report": report, "picture": png_uri(png), "ends": first_and_last},
    )
