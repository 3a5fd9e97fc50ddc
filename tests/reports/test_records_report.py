"""The figure shows the alignments and the mask plan that the record holds."""

import io

import numpy as np
import pytest
from PIL import Image

from kaleido.catalogs.product import Product
from kaleido.grid_features import GRID
from kaleido.preprocessing import Example
from kaleido.reports.kaleido_figure import COLOURS, draw_level
from kaleido.reports.records_report import figure_of, records_page
from tests.tiny_records import VOCABULARY, WORDS, tiny_spec

_CLS, _SEP = VOCABULARY.ids["[CLS]"], VOCABULARY.ids["[SEP]"]


@pytest.fixture
def example():
    stream = io.BytesIO()
    Image.new("RGB", (120, 120), (200, 210, 220)).save(stream, "PNG")
    token_ids = np.zeros(12, np.int32)
    token_ids[:5] = [_CLS, *(VOCABULARY.ids[w] for w in WORDS[:3]), _SEP]
    alignments = np.full((12, 3), -1)
    alignments[1], alignments[3] = (0, 5, 24), (8, 15, 7)
    maps = np.zeros((12, GRID, GRID), np.float32)
    maps[1, 0, 0] = maps[3, 13, 13] = 1.0
    return Example(
        row=0, serialized=b"", is_whole=False,
        product=Product("p", "i", stream.getvalue(), text="<b> & co"),
        box=np.array([10, 10, 110, 110], np.int32), token_ids=token_ids,
        alignments=alignments,
        token_plans=np.array([[2, -1]]), patch_plans=np.array([[4, 0, 1, 3, 6, 9]]),
        mask=np.ones((192, 192), np.float32), alignment_maps=maps,
        caption_ids=np.array([_CLS, VOCABULARY.ids[WORDS[5]], _SEP, 0]),
        caption_maps=maps[1:5],
    )


def has_colour(picture, colour):
    return bool((picture == np.array(colour)).all(axis=-1).any())


def test_words_and_their_patches_share_a_colour(example):
    figure = figure_of(example, tiny_spec(), VOCABULARY)
    colours = [word["colour"] for word in figure.words]
    assert colours == [COLOURS[0], None, COLOURS[1]]
    assert [word["text"] for word in figure.words] == list(WORDS[:3])
    for level in figure.levels[2:]:
        assert has_colour(level, COLOURS[0]) and has_colour(level, COLOURS[1])
        assert not has_colour(level, COLOURS[2])
    # Level 3: the first word top left, the other bottom right.
    third = figure.levels[2]
    half = len(third) // 2
    assert has_colour(third[:half, :half], COLOURS[0])
    assert not has_colour(third[half:], COLOURS[0])
    assert [word for word, _, _ in figure.maps] == [WORDS[0], WORDS[2]]
    assert [word for word, _ in figure.caption] == [WORDS[5]]


def test_the_first_plan_is_shown(example):
    figure = figure_of(example, tiny_spec(), VOCABULARY)
    assert [word["hidden"] for word in figure.words] == [False, True, False]
    grey = (120, 120, 120)
    assert [has_colour(level, grey) for level in figure.masked] == [
        False, False, True, True, True,
    ]
    # The middle of level 3, and nothing else of it.
    third = figure.masked[2]
    assert (third[75, 75] == 120).all() and not (third[20, 20] == 120).all()


def test_the_page_says_it_all_and_escapes(example):
    report = {
        "products_read": 1, "examples_written": 1, "rejected": {}, "rejected_rows": [],
        "warnings": ["All captions are alike."],
        "whole_pictures": 0, "unaligned": 0, "empty_captions": 0,
        "examples_per_second": 3.0, "counts": {"train": 1},
    }
    spec = tiny_spec(alignment="generated")
    page = records_page(report, spec, [example], VOCABULARY)
    assert "&lt;b&gt; &amp; co" in page and "<b> & co" not in page
    assert "<b>All captions are alike.</b>" in page
    assert f"<i>{WORDS[5]}</i>" in page and "captioner wrote nothing" in page
    assert f'<s style="background:#ddd">{WORDS[1]}</s>' in page
    assert "rgb(230, 60, 30)" in page and "http" not in page.split("<body>")[1]


def test_a_patch_of_two_words_has_two_frames():
    image = np.full((60, 60, 3), 255, np.uint8)
    drawn = draw_level(image, np.array([[0, 0, 60, 60]]), 1, 90, (), {0: COLOURS[:2]})
    assert (drawn[1, 40] == COLOURS[0]).all() and (drawn[4, 40] == COLOURS[1]).all()
    assert (drawn[45, 45] == 255).all()
