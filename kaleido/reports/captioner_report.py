"""The page of a captioner's training: how it learnt, and captions to read."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

import numpy as np

from kaleido.reports.page import data_uri, render_page

_SIDE = 112


def captioner_page(report: Mapping[str, Any], crops: Sequence[np.ndarray]) -> str:
    """Returns the HTML page.

    Args:
        report: the content of `report.json`.
        crops: uint8 [height, width, 3] each, what the report's captions speak of.
    """
    captions = []
    for caption, crop in zip(report.get("captions", []), crops):
        step = max(len(crop) // _SIDE, 1)
        captions.append({**caption, "picture": data_uri(crop[::step, ::step])})
    return render_page(
        "Captioner", "captioner.html", {"report": report, "captions": captions}
    )
