"""The page of the comparison of starts: is pre-training worth it?"""

from __future__ import annotations

from typing import Any, Mapping

from kaleido import starts
from kaleido.reports.page import render_page


def starts_page(report: Mapping[str, Any]) -> str:
    """Returns the HTML page; `report` is the content of `starts.json`."""
    return render_page(
        "Is pre-training worth it?", "starts.html",
        {"report": report, "tables": starts.tables(report["rows"])},
    )
