"""The page of a captioner's training: how it learnt, and captions to read."""

from __future__ import annotations

from typing import Any, Mapping

from kaleido.reports.page import render_page


def captioner_page(report: Mapping[str, Any]) -> str:
    """Returns the HTML page; `report` is the content of `report.json`."""
    return render_page("Captioner", "captioner.html", {"report": report})
