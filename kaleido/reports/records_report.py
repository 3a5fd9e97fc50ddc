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

_TEMPLATE = """
<p>{{ report.products_read }} catalogue rows read, {{ report.examples_written }} examples
written, {{ report.rejected.values() | sum }} rejected;
{{ report.whole_pictures }} pictures without a found object were taken whole.
{% if report.examples_per_second %}{{ report.examples_per_second }} examples a second.{% endif %}</p>
<table><tr><th>split</th><th>examples</th></tr>
{% for split, count in report.counts.items() %}<tr><td>{{ split }}</td><td>{{ count }}</td></tr>
{% endfor %}</table>
<table><tr><th>what made the records</th><th></th></tr>
{% for key, value in spec.items() %}<tr><td>{{ key }}</td><td>{{ value }}</td></tr>
{% endfor %}</table>
<h2>Examples: picture and foreground box, the patches level by level</h2>
{% for item in examples %}
<div class="card"><div class="row"><img src="{{ item.picture }}" height="150">
{% for level in item.levels %}<img src="{{ level }}" height="150">{% endfor %}</div>
<div class="small"><b>{{ item.image_id }}</b> · {{ item.category }} / {{ item.subcategory }} ·
{{ item.text }}<br><span class="muted">{{ item.pieces }}</span></div></div>
{% endfor %}
<h2>Rejected rows</h2>
{% if not rejected %}<p>None.</p>{% else %}
<table><tr><th>reason</th><th>rows</th></tr>
{% for reason, count in report.rejected.items() %}<tr><td>{{ reason }}</td><td>{{ count }}</td></tr>
{% endfor %}</table>
<table><tr><th>row</th><th>item</th><th>reason</th><th>detail</th></tr>
{% for r in rejected %}<tr><td>{{ r.row }}</td><td>{{ r.item }}</td><td>{{ r.reason }}</td>
<td>{{ r.detail }}</td></tr>{% endfor %}</table>
{% if more_rejected %}<p>… and {{ more_rejected }} more, in report.json.</p>{% endif %}{% endif %}
"""

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
        _TEMPLATE,
        {
            "report": report,
            "spec": vars(spec),
            "examples": shown,
            "rejected": report["rejected_rows"][:_LISTED],
            "more_rejected": max(len(report["rejected_rows"]) - _LISTED, 0),
        },
    )
