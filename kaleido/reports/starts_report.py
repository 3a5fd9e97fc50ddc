"""The page of the comparison of starts: is pre-training worth it?"""

from __future__ import annotations

from typing import Any, Mapping, Optional

from kaleido import starts
from kaleido.reports.page import render_markdown, render_page


def starts_page(report: Mapping[str, Any]) -> str:
    """Returns the HTML page; `report` is the content of `starts.json`."""
    return render_page("Is pre-training worth it?", "starts.html", _values(report))


def starts_markdown(report: Mapping[str, Any]) -> str:
    """Returns the page as GitHub shows it."""
    return render_markdown("starts.md", _values(report))


def _values(report):
    return {
        "report": report, "tables": starts.tables(report["rows"]), "spread": _spread
    }


def _spread(figure: Optional[Mapping[str, Any]]) -> str:
    """Mean ± standard deviation; a dash where a row cannot have the figure."""
    if figure is None:
        return "–"
    # Shares of one have another digit that counts than percents.
    form = "{:.1f}" if abs(figure["mean"]) >= 2 else "{:.3f}"
    mean = form.format(figure["mean"])
    if figure["std"] is None:
        return mean
    return f"{mean} ± {form.format(figure['std'])}"
