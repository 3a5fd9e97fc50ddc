"""The page of the comparison of starts: is pre-training worth it?"""

from __future__ import annotations

from typing import Any, Mapping

from kaleido import starts
from kaleido.metrics.retrieval import largest_error
from kaleido.reports.page import render_markdown, render_page


def starts_page(report: Mapping[str, Any]) -> str:
    """Returns the HTML page; `report` is the content of `starts.json`."""
    return render_page("Is pre-training worth it?", "starts.html", _values(report))


def starts_markdown(report: Mapping[str, Any]) -> str:
    """Returns the page as GitHub shows it."""
    return render_markdown("starts.md", _values(report))


def _values(report):
    return {
        "report": report, "tables": starts.tables(report["rows"]),
        "whole_lists": starts.WHOLE_LISTS,
        "standard_error": largest_error(starts.WHOLE_LISTS),
    }
