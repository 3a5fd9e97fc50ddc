"""The page of a records job: what came in, what was rejected, what it looks like."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

import numpy as np

from kaleido import patches
from kaleido.preprocessing import Example
from kaleido.records import RecordSpec
from kaleido.reports.kaleido_figure import draw_box, draw_levels
from kaleido.reports.page import data_uri, render_page
from kaleido.text import Vocabulary

_LISTED = 200


def records_page(
    report: Mapping[str, Any],
    spec: RecordSpec,
    examples: Sequence[Example],
    vocabulary: Vocabulary,
) -> str:
    """Returns the HTML page of a finished records job.

    Args:
        report: content of `report.json`.
        spec: what made the records.
        examples: a sample to show.
        vocabulary: to print word pieces.
    """
    shown = []
    for example in examples:
        image = patches.decode_picture(example.product.image).numpy()
        boxes = patches.patch_boxes(example.box, spec.patch_layout).numpy()
        ids = example.token_ids[np.nonzero(example.token_ids)]
        shown.append(
            {
                "picture": data_uri(draw_box(image, example.box)),
                "levels": [
                    data_uri(level)
                    for level in draw_levels(image, boxes, spec.patch_layout)
                ],
                "image_id": example.product.image_id,
                "category": example.product.category,
                "subcategory": example.product.subcategory,
                "text": example.product.text,
                "pieces": " ".join(vocabulary.pieces[i] for i in ids),
            }
        )
    return render_page(
        "Records",
        "records.html",
        {
            "report": report,
            "spec": vars(spec),
            "examples": shown,
            "rejected": report["rejected_rows"][:_LISTED],
            "more_rejected": max(len(report["rejected_rows"]) - _LISTED, 0),
        },
    )
