"""The frame that all pages share, and pictures as data URIs."""

from __future__ import annotations

import base64
import io
from typing import Any, Mapping

import jinja2
import numpy as np
from PIL import Image

_FRAME = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{ title }}</title><style>
body{font:15px/1.5 system-ui,sans-serif;color:#222;max-width:1180px;margin:2rem auto;padding:0 1rem}
h1{font-size:1.6rem} h2{font-size:1.2rem;margin-top:2.2rem;border-bottom:1px solid #ddd}
table{border-collapse:collapse;margin:.8rem 0} td,th{padding:.25rem .8rem;text-align:right;border-bottom:1px solid #eee}
th{background:#f6f6f4} td:first-child,th:first-child{text-align:left}
.cards{display:flex;flex-wrap:wrap;gap:14px} .card{border:1px solid #e3e3e0;border-radius:6px;padding:10px;background:#fff}
.row{display:flex;gap:10px;align-items:flex-start;margin:.4rem 0;flex-wrap:wrap} .small{font-size:12px;color:#555;max-width:640px}
.right{outline:3px solid #2e8b57} .wrong{outline:3px solid #d9d9d9} mark{background:#ffd7a8;border-radius:3px;padding:0 2px}
img{display:block} .muted{color:#777}
</style></head><body><h1>{{ title }}</h1>
{{ body }}
</body></html>
"""

_ENVIRONMENT = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)


def render_page(title: str, template: str, values: Mapping[str, Any]) -> str:
    """Returns a whole page.

    Args:
        title: heading and window title.
        template: Jinja2 source of the body; values are escaped.
        values: what the template names.
    """
    body = _ENVIRONMENT.from_string(template).render(**values)
    frame = jinja2.Environment(autoescape=False).from_string(_FRAME)
    return frame.render(title=title, body=body)


def data_uri(image: np.ndarray, quality: int = 85) -> str:
    """Returns a picture, uint8 [height, width, 3], as a JPEG data URI."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    return jpeg_uri(buffer.getvalue())


def jpeg_uri(encoded: bytes) -> str:
    """Returns JPEG bytes as a data URI."""
    return "data:image/jpeg;base64," + base64.b64encode(encoded).decode("ascii")


def figure_uri(figure) -> str:
    """Returns a matplotlib figure as a PNG data URI."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=90, bbox_inches="tight")
    encoded = base64.b64encode(buffer.getvalue()).decode("ascii")
    return "data:image/png;base64," + encoded
