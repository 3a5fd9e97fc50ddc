"""The page of a records job: what came in, what was rejected, what it looks like."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Sequence

import numpy as np

from kaleido import patches
from kaleido.masking import ALIGNED_LEVELS, plan_columns
from kaleido.preprocessing import Example
from kaleido.records import RecordSpec
from kaleido.reports.kaleido_figure import (
    COLOURS,
    draw_box,
    draw_levels,
    draw_map,
    draw_mask,
)
from kaleido.reports.page import data_uri, render_page
from kaleido.text import PAD, Vocabulary

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
    return render_page(
        "Records",
        "records.html",
        {
            "report": report,
            "spec": vars(spec),
            "examples": [_shown(example, spec, vocabulary) for example in examples],
            "rejected": report["rejected_rows"][:_LISTED],
            "more_rejected": max(len(report["rejected_rows"]) - _LISTED, 0),
        },
    )


def _shown(
    example: Example, spec: RecordSpec, vocabulary: Vocabulary
) -> Dict[str, Any]:
    """Returns what the template prints of one example (the paper's Figure 4)."""
    layout = spec.patch_layout
    image = patches.decode_picture(example.product.image).numpy()
    boxes = patches.patch_boxes(example.box, layout).numpy()
    words = _words(example.token_ids, vocabulary)
    told = _told_apart(words, example.alignments)
    hidden = set(example.token_plans[0].tolist())
    for word in words:
        word["hidden"] = word["first"] in hidden
        colour = told.get(word["first"])
        word["colour"] = f"rgb{colour}" if colour else ""
    frames: Dict[int, Dict[int, List]] = {n: {} for n in ALIGNED_LEVELS}
    for first, colour in told.items():
        for level, index in zip(ALIGNED_LEVELS, example.alignments[first].tolist()):
            frames[level].setdefault(index, []).append(colour)
    plan = {
        level: example.patch_plans[0][columns].tolist()
        for level, columns in plan_columns(layout).items()
    }
    mask = example.mask
    levels = draw_levels(image, boxes, layout, frames=frames)
    masked = draw_levels(image, boxes, layout, hidden=plan)
    return {
        "picture": data_uri(draw_box(image, example.box)),
        "mask": data_uri(draw_mask(image, mask)) if mask is not None else "",
        "levels": [data_uri(level) for level in levels],
        "masked": [data_uri(level) for level in masked],
        "image_id": example.product.image_id,
        "category": example.product.category,
        "subcategory": example.product.subcategory,
        "text": example.product.text,
        "words": words,
        "maps": _maps(image, example, words, told),
        "caption": _caption(example, vocabulary),
    }


def _words(token_ids: np.ndarray, vocabulary: Vocabulary) -> List[Dict[str, Any]]:
    """Returns text and first position of each word of a text."""
    words: List[Dict[str, Any]] = []
    for position, index in enumerate(token_ids.tolist()):
        piece = vocabulary.pieces[index]
        if piece == PAD:
            break
        if piece.startswith("##") and words:
            words[-1]["text"] += piece[2:]
        else:
            words.append({"text": piece, "first": position})
    return words


def _told_apart(words, alignments: np.ndarray) -> Dict[int, Any]:
    """Gives a colour to as many aligned words as there are colours, spread evenly."""
    aligned = [w["first"] for w in words if (alignments[w["first"]] >= 0).any()]
    chosen = np.linspace(0, len(aligned) - 1, min(len(aligned), len(COLOURS)))
    places = [aligned[int(round(i))] for i in chosen]
    return dict(zip(places, COLOURS))


def _maps(image, example: Example, words, told) -> List[Dict[str, Any]]:
    """Returns the heat maps of the words that have a colour."""
    if example.alignment_maps is None:
        return []
    return [
        {
            "text": word["text"],
            "colour": word["colour"],
            "uri": data_uri(
                draw_map(image, example.box, example.alignment_maps[word["first"]])
            ),
        }
        for word in words
        if word["first"] in told
    ]


def _caption(example: Example, vocabulary: Vocabulary) -> str:
    if example.caption_ids is None or not example.caption_ids.any():
        return ""
    words = _words(example.caption_ids, vocabulary)
    return " ".join(word["text"] for word in words[1:] if word["text"] != "[SEP]")
