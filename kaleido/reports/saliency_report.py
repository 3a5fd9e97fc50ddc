"""The page of a saliency network: its scores, and its worst pictures to look at."""

from __future__ import annotations

import os
from typing import Any, Dict, Mapping, Sequence, Tuple

import numpy as np

from kaleido.metrics.saliency import tight_box
from kaleido.reports.kaleido_figure import draw_box
from kaleido.reports.page import data_uri, render_page
from kaleido.saliency_evaluation import ScoredPicture


def saliency_page(
    sources: Mapping[str, Tuple[Dict[str, Any], Sequence[ScoredPicture]]]
) -> str:
    """Returns the HTML page.

    Args:
        sources: by name, the figures of `saliency_evaluation.summarize` and some
            pictures to show, worst first.
    """
    shown = {
        name: (figures, [_show(one) for one in scored])
        for name, (figures, scored) in sources.items()
    }
    return render_page("Saliency", "saliency.html", {"sources": shown})


def _show(scored: ScoredPicture) -> Dict[str, Any]:
    """Returns what the template shows of a picture: image, truth, found."""
    image, truth, name = scored.picture
    return {
        "name": os.path.basename(name),
        "figures": scored.figures,
        "views": [
            data_uri(draw_box(image, scored.box)),
            data_uri(draw_box(_grey(truth), tight_box(truth))),
            data_uri(draw_box(_grey(scored.found * 255), scored.box)),
        ],
    }


def _grey(mask: np.ndarray) -> np.ndarray:
    """[h, w] in [0, 255] -> uint8 [h, w, 3]."""
    return np.repeat(np.clip(mask, 0, 255).astype(np.uint8)[..., None], 3, axis=2)
