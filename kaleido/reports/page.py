"""The frame that all pages share, and pictures as data URIs."""

from __future__ import annotations

import base64
import io
import os
from typing import Any, Mapping, Optional

import jinja2
import numpy as np
from PIL import Image

_ENVIRONMENT = jinja2.Environment(
    loader=jinja2.FileSystemLoader(
        os.path.join(os.path.dirname(__file__), "templates")
    ),
    autoescape=jinja2.select_autoescape(["html"]),
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=jinja2.StrictUndefined,
)


def shown(value: Optional[float], form: str = "%.3f", scale: float = 1.0) -> str:
    """Returns a figure as a table shows it; None is one that could not be had."""
    return "not available" if value is None else form % (scale * value)


def spread(figure: Optional[Mapping[str, Any]], form: Optional[str] = None) -> str:
    """Returns mean ± standard deviation, as `run_grid.summarize` gives them.

    A dash where a row cannot have the figure.
    """
    if figure is None:
        return "–"
    if form is None:
        # Shares of one have another digit that counts than percents.
        form = "{:.1f}" if abs(figure["mean"]) >= 2 else "{:.3f}"
    mean = form.format(figure["mean"])
    if figure["std"] is None:
        return mean
    return f"{mean} ± {form.format(figure['std'])}"


def cell(
    figures: Mapping[str, Mapping[str, Any]], column: str, form: Optional[str] = None
) -> str:
    """Returns what stands in a column of a row: `spread`, or a mean of whole numbers.

    Such are how many were asked, and seconds.
    """
    figure = figures.get(column)
    if figure is not None and column.endswith(("queries", "seconds")):
        return f"{figure['mean']:.0f}"
    return spread(figure, form)


_ENVIRONMENT.filters.update(shown=shown, cell=cell)


def render_markdown(template: str, values: Mapping[str, Any]) -> str:
    """Returns a page as GitHub shows it.

    Args:
        template: name of a file in `templates/`.
        values: what the template names.
    """
    return _ENVIRONMENT.get_template(template).render(**values)


def render_page(title: str, template: str, values: Mapping[str, Any]) -> str:
    """Returns a whole page.

    Args:
        title: heading and window title.
        template: name of a file in `templates/`, which extends `frame.html`.
        values: what the template names; escaped.
    """
    return _ENVIRONMENT.get_template(template).render(title=title, **values)


def data_uri(image: np.ndarray, quality: int = 85) -> str:
    """Returns a picture, uint8 [height, width, 3], as a JPEG data URI."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    return jpeg_uri(buffer.getvalue())


def jpeg_uri(encoded: bytes) -> str:
    """Returns JPEG bytes as a data URI."""
    return "data:image/jpeg;base64," + base64.b64encode(encoded).decode("ascii")


def figure_png(figure) -> bytes:
    """Returns a matplotlib figure as a PNG file."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=90, bbox_inches="tight")
    return buffer.getvalue()


def png_uri(encoded: bytes) -> str:
    """Returns PNG bytes as a data URI."""
    return "data:image/png;base64," + base64.b64encode(encoded).decode("ascii")


def figure_uri(figure) -> str:
    """Returns a matplotlib figure as a PNG data URI."""
    return png_uri(figure_png(figure))
