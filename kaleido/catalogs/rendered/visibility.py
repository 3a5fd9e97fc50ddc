"""Which attributes of a rendered product its picture shows and its text names.

A record keeps no parts; both lists go into its labels, for the attribute score of
captions (`metrics/attributes.py`).
"""

from __future__ import annotations

from typing import Collection, Dict, Iterable, Mapping

from kaleido.catalogs.rendered.subcategories import NONE, TONAL
from kaleido.catalogs.rendered.vocabulary import PARTS
from kaleido.catalogs.rendered.wording import Span

# Labels; attributes in the order of their names, with blanks between.
VISIBLE, NAMED = "visible_attributes", "named_attributes"
# Only the whole product shows these: a close-up leaves out a hem or a shoulder.
OUTLINE = ("length", "fit", "silhouette", "leg", "shape", "top_height", "shaft")


def attribute_lists(
    attributes: Mapping[str, str],
    parts: Collection[str],
    is_whole: bool,
    spans: Iterable[Span],
) -> Dict[str, str]:
    """Returns the labels `VISIBLE` and `NAMED`.

    Args:
        attributes: of the product; `none` and `tonal` are never visible.
        parts: names of the parts that the picture shows.
        is_whole: whether it shows the whole product.
        spans: the words of its text that speak of attributes.
    """
    visible = {
        name
        for name, value in attributes.items()
        if value not in (NONE, TONAL)
        and not set(PARTS[name]).isdisjoint(parts)
        and (is_whole or name not in OUTLINE)
    }
    named = {span.attribute for span in spans}
    return {VISIBLE: " ".join(sorted(visible)), NAMED: " ".join(sorted(named))}
