"""The page of a captioner's training: how it learnt, and captions to read."""

from __future__ import annotations

from typing import Any, Mapping

import numpy as np

from kaleido.reports.page import data_uri, render_page

_SIDE = 112


def captioner_page(report: Mapping[str, Any], crops: np.ndarray) -> str:
    """Returns the HTML page.

    Args:
        report: the content of `report.json`.
        crops: uint8 [n, height, width, 3], what the report's captions speak of.
    """
    step = max(crops.shape[1] // _SIDE, 1)
    pictures = [data_uri(crop[::step, ::step]) for crop in crops]
    captions = [
        {**caption, "picture": picture}
        for caption, picture in zip(report.get("captions", []), pictures)
    ]
    return render_page(
        "Captioner", "captioner.html", {"report": report, "captions": captions}
    )
