"""The page of a records job: what came in, what was rejected, what it looks like."""

from __future__ import annotations

import dataclasses
from typing import Any, Dict, List, Mapping, Sequence, Tuple

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
from kaleido.text import CLS, PAD, SEP, Vocabulary

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


@dataclasses.dataclass(frozen=True)
class Figure:
    """One example as the paper's Figure 4 shows it; pictures are uint8 [h, w, 3].

    Attributes:
        picture, mask: with the locked box; with a faded background.
        levels: the patches, those of `words` with a colour in a frame of it.
        masked: the patches, those of the first mask plan blank.
        words: dicts `text`, `first` (its position), `hidden` by the first plan,
            `colour` (None or a triple).
        maps: (word, colour, heat map over the object) of the words with a colour.
        caption: (word, heat map over the object) of the generated caption.
    """

    picture: np.ndarray
    mask: np.ndarray
    levels: Sequence[np.ndarray]
    masked: Sequence[np.ndarray]
    words: List[Dict[str, Any]]
    maps: List[Tuple[str, Tuple[int, int, int], np.ndarray]]
    caption: List[Tuple[str, np.ndarray]]


def figure_of(example: Example, spec: RecordSpec, vocabulary: Vocabulary) -> Figure:
    """Draws an example."""
    layout = spec.patch_layout
    image = patches.decode_picture(example.product.image).numpy()
    boxes = patches.patch_boxes(example.box, layout).numpy()
    words = _words(example.token_ids, vocabulary)
    told = _told_apart(words, example.alignments)
    hidden = set(example.token_plans[0].tolist())
    for word in words:
        word["hidden"] = word["first"] in hidden
        word["colour"] = told.get(word["first"])
    frames: Dict[int, Dict[int, List]] = {n: {} for n in ALIGNED_LEVELS}
    for first, colour in told.items():
        for level, index in zip(ALIGNED_LEVELS, example.alignments[first].tolist()):
            frames[level].setdefault(index, []).append(colour)
    plan = {
        level: example.patch_plans[0][columns].tolist()
        for level, columns in plan_columns(layout).items()
    }
    maps = example.alignment_maps
    return Figure(
        picture=draw_box(image, example.box),
        mask=draw_mask(image, example.mask),
        levels=draw_levels(image, boxes, layout, frames=frames),
        masked=draw_levels(image, boxes, layout, hidden=plan),
        words=words,
        maps=[] if maps is None else [
            (w["text"], w["colour"], draw_map(image, example.box, maps[w["first"]]))
            for w in words
            if w["colour"]
        ],
        caption=[] if example.caption_ids is None else [
            (
                w["text"],
                draw_map(image, example.box, example.caption_maps[w["first"]]),
            )
            for w in _words(example.caption_ids, vocabulary)
        ],
    )


def _shown(
    example: Example, spec: RecordSpec, vocabulary: Vocabulary
) -> Dict[str, Any]:
    """Returns what the template prints of one example."""
    figure = figure_of(example, spec, vocabulary)

    def css(colour):
        return f"rgb{tuple(colour)}" if colour else ""

    return {
        "picture": data_uri(figure.picture),
        "mask": data_uri(figure.mask),
        "levels": [data_uri(level) for level in figure.levels],
        "masked": [data_uri(level) for level in figure.masked],
        "image_id": example.product.image_id,
        "category": example.product.category,
        "subcategory": example.product.subcategory,
        "text": example.product.text,
        "words": [{**word, "colour": css(word["colour"])} for word in figure.words],
        "maps": [
            {"text": text, "colour": css(colour), "uri": data_uri(heat)}
            for text, colour, heat in figure.maps
        ],
        "caption": [
            {"text": text, "uri": data_uri(heat)} for text, heat in figure.caption
        ],
    }


def _words(token_ids: np.ndarray, vocabulary: Vocabulary) -> List[Dict[str, Any]]:
    """Returns text and first position of each word of a text."""
    words: List[Dict[str, Any]] = []
    for position, index in enumerate(token_ids.tolist()):
        piece = vocabulary.pieces[index]
        if piece in (CLS, SEP, PAD):
            continue
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
