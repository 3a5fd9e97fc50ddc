"""The page of captions: figures beside baselines, and captions to read."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Sequence, Tuple

import numpy as np

from kaleido.reports.page import jpeg_uri, render_page

# Of the worst, the median and the best samples each.
_SAMPLES = 8


def caption_page(
    title: str,
    rows: Mapping[str, Mapping[str, Any]],
    captions: Mapping[str, Sequence[str]],
    references: Sequence[str],
    examples: Sequence[Mapping[str, Any]],
    scores: np.ndarray,
    note: str,
) -> str:
    """Returns the HTML page.

    Args:
        title: heading.
        rows: by decoding or baseline, `metrics.captions.caption_figures`; of rendered
            products also `metrics.attributes.attribute_figures`. None is a figure that
            could not be had. The first row is the main one.
        captions: by row, what it wrote, [n]; rows without are not read.
        references: [n], the products' own texts.
        examples: [n], `image_id` and `thumbnail` (JPEG bytes).
        scores: float [n], the CIDEr of the main row's captions.
        note: what was evaluated: the split, and what the leak audit removed of it.

    Raises:
        ValueError: if there is no caption, or not as many of each.
    """
    lengths = {
        **{name: len(texts) for name, texts in captions.items()},
        "references": len(references), "examples": len(examples), "scores": len(scores),
    }
    if set(lengths.values()) != {len(scores)} or not len(scores):
        raise ValueError(f"Each picture needs one of all. Received: {lengths}")
    rows = {name: dict(figures) for name, figures in rows.items()}
    attributes = sorted({a for f in rows.values() for a in f.get("by_attribute", {})})

    def sample(index):
        return {
            "uri": jpeg_uri(examples[index]["thumbnail"]),
            "image_id": examples[index]["image_id"],
            "score": float(scores[index]),
            "reference": references[index],
            "captions": {name: texts[index] for name, texts in captions.items()},
        }

    return render_page(
        title,
        "captions.html",
        {
            "rows": rows,
            "main": next(iter(rows)),
            "note": note,
            "attributes": attributes,
            "without_java": [
                name for name, f in rows.items() if f.get("tokenizer") == "words"
            ],
            "groups": [
                (name, [sample(index) for index in chosen])
                for name, chosen in chosen_samples(scores)
            ],
        },
    )


def chosen_samples(scores: np.ndarray) -> List[Tuple[str, List[int]]]:
    """Chooses the samples of the page, none of them twice.

    Args:
        scores: float [n].

    Returns:
        Pairs of `worst`, `median`, `best` and at most `_SAMPLES` indices each, the
        worst first of the worst and the best first of the best.
    """
    worst, median, best = np.array_split(np.argsort(scores, kind="stable"), 3)
    middle = max(len(median) - _SAMPLES, 0) // 2
    groups: Dict[str, np.ndarray] = {
        "worst": worst[:_SAMPLES],
        "median": median[middle : middle + _SAMPLES],
        "best": best[::-1][:_SAMPLES],
    }
    return [(name, chosen.tolist()) for name, chosen in groups.items()]
