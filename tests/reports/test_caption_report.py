"""The page of captions: every row, samples of each third, and what is not there."""

import re

import numpy as np
import pytest

from kaleido.metrics.attributes import Truth, attribute_figures
from kaleido.reports.caption_report import caption_page, chosen_samples
from kaleido.reports.page import jpeg_uri

FIGURES = {
    "bleu_4": 0.057, "meteor": None, "rouge_l": 0.329, "cider": 0.326,
    "distinct_1": 0.25, "distinct_2": 0.5, "words": 7.25, "captions": 40,
    "tokenizer": "words",
}


@pytest.fixture
def case():
    count = 40
    rows = {
        "greedy": FIGURES,
        "nearest <picture>": {**FIGURES, "meteor": 0.128, "tokenizer": "ptb"},
    }
    return dict(
        title="FC", rows=rows, note="Test; the audit removed 2 & kept 40.",
        captions={name: [f"<i>{name[:4]} {i}" for i in range(count)] for name in rows},
        references=[f"<b>text {i}" for i in range(count)],
        examples=[{"image_id": f"i{i}", "thumbnail": b"%d" % i} for i in range(count)],
        # The best is the first.
        scores=np.linspace(4.0, 0.0, count),
    )


def cells(page, row):
    (found,) = re.findall(rf"<tr><td>{row}</td>(.*?)</tr>", page, re.DOTALL)
    return [cell.strip() for cell in re.findall(r"<td>(.*?)</td>", found, re.DOTALL)]


def test_the_table_holds_every_row_and_says_what_could_not_be_had(case):
    page = caption_page(**case)
    assert cells(page, "greedy") == [
        "5.7", "not available", "32.9", "32.6", "0.250", "0.500", "7.2", "40",
    ]
    assert cells(page, "nearest &lt;picture&gt;")[1] == "12.8"
    assert "figures of\ngreedy differ from those of COCO's" in page
    assert "the audit removed 2 &amp; kept 40." in page
    assert "named rightly" not in page


def test_samples_are_the_worst_the_median_and_the_best(case):
    page = caption_page(**case)
    parts = re.split(r"<h2>(\w+) by CIDEr of greedy</h2>", page)
    shown = {
        name: [int(i) for i in re.findall(r'alt="i(\d+)"', part)]
        for name, part in zip(parts[1::2], parts[2::2])
    }
    assert shown["Worst"] == [39, 38, 37, 36, 35, 34, 33, 32]
    assert shown["Best"] == [0, 1, 2, 3, 4, 5, 6, 7]
    assert len(shown["Median"]) == 8 and abs(np.mean(shown["Median"]) - 19.5) <= 1
    for index in sum(shown.values(), []):
        assert jpeg_uri(b"%d" % index) in page
        assert f"&lt;b&gt;text {index}<" in page
        for name in ("gree", "near"):
            assert f"&lt;i&gt;{name} {index}<" in page
    assert page.count("data:image/jpeg") == 24 and "CIDEr 400.0" in page
    assert "<i>" not in page and "<b>text 0" not in page


@pytest.mark.parametrize("count", [1, 2, 7, 23, 24, 25, 100])
def test_no_sample_is_shown_twice(count):
    scores = np.random.default_rng(count).uniform(size=count)
    groups = dict(chosen_samples(scores))
    chosen = sum(groups.values(), [])
    assert len(chosen) == len(set(chosen)) == min(count, 24)
    assert groups["worst"][0] == scores.argmin()
    if count > 2:
        assert groups["best"][0] == scores.argmax()
    assert (np.diff(scores[groups["worst"]]) >= 0).all()


def test_attribute_scores_stand_beside_their_counts(case):
    truth = Truth({"color": "red", "garment": "BOOTS"}, frozenset({"color", "garment"}))
    case["rows"]["greedy"] = {
        **FIGURES, **attribute_figures(["blue boots, low-top"] * 40, [truth] * 40),
    }
    page = caption_page(**case)
    flat = re.sub(r"\s+", " ", re.sub(r"<span[^>]*>|</span>", "", page))
    assert cells(flat, "greedy")[-2:] == ["50.0 % (40 of 80)", "66.7 % (80 of 120)"]
    assert cells(flat, "nearest &lt;picture&gt;")[-2:] == ["not available"] * 2
    assert cells(flat, "color") == ["0 of 40, 100 of 40", "–"]
    assert cells(flat, "top height") == ["– of 0, 100 of 40", "–"]


def test_a_caption_without_words_is_said_to_be_one(case):
    case["captions"]["greedy"][0] = ""
    assert caption_page(**case).count("(nothing)") == 1


def test_unequal_numbers_are_one_clear_error(case):
    case["captions"]["greedy"].pop()
    with pytest.raises(ValueError, match="Received: .*'greedy': 39.*'scores': 40"):
        caption_page(**case)
