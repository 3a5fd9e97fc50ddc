"""Captions' figures by hand, against COCO's evaluation, and without Java."""

import shutil
import types

import numpy as np
import pytest

from kaleido.metrics import captions as metrics

pytest.importorskip("pycocoevalcap", reason="pip install -e '.[captions]'")

REFERENCES = [
    ["A red dress with a bow."], ["Black leather ankle boots."],
    ["Blue denim jeans, slim fit."], ["A striped cotton shirt with long sleeves."],
]
needs_java = pytest.mark.skipif(
    shutil.which("java") is None, reason="METEOR and the tokenizer need Java"
)


def first(texts):
    return [group[0] for group in texts]


def caption_figures(captions, references):
    return metrics.caption_figures({"a": captions}, references)["a"]


def test_who_is_scored_together_has_the_figures_that_he_has_alone(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    others = [text.replace("a", "the") for text in first(REFERENCES)[::-1]]
    one = [text.lower() for text in first(REFERENCES)[1:]] + ["A shirt."]
    both = metrics.caption_figures({"one": one, "others": others}, REFERENCES)
    for name, captions in (("one", one), ("others", others)):
        figures, each = caption_figures(captions, REFERENCES)
        assert both[name][0] == pytest.approx(figures)
        np.testing.assert_allclose(both[name][1], each)
    assert both["one"][0] != both["others"][0]
    for name, captions in (("one", one), ("others", others)):
        quick = metrics.plain_cider(captions, REFERENCES)
        assert quick == pytest.approx(both[name][0]["cider"])


@needs_java
def test_the_references_themselves_are_perfect():
    figures, each = caption_figures(first(REFERENCES), REFERENCES)
    assert figures["tokenizer"] == "ptb" and figures["captions"] == 4
    for name in ("bleu_4", "meteor", "rouge_l"):
        assert figures[name] == pytest.approx(1.0, abs=1e-6)
    assert figures["cider"] == pytest.approx(10.0) == pytest.approx(each.mean())
    # Of 6 + 4 + 5 + 7 words only "a" (twice) and "with" come again.
    assert figures["words"] == pytest.approx((6 + 4 + 5 + 7) / 4)
    assert figures["distinct_1"] == pytest.approx((22 - 3) / 22)
    assert figures["distinct_2"] == 1.0


@needs_java
def test_case_full_stops_and_line_breaks_change_nothing():
    untidy = [f"{text.upper()[:-1]}\x85 " for text in first(REFERENCES)]
    untidy[0] = untidy[0].replace(" ", "\n\u2028", 1)
    assert caption_figures(untidy, REFERENCES)[0]["cider"] == pytest.approx(10.0)


@needs_java
def test_captions_of_other_pictures_score_less_and_an_empty_one_nothing():
    captions = ["", *first(REFERENCES)[2:], "Black leather ankle boots."]
    figures, each = caption_figures(captions, REFERENCES)
    assert each.shape == (4,) and each[0] == 0.0 and (each < 1.0).all()
    assert figures["bleu_4"] < 0.01 and figures["meteor"] < 0.2


@needs_java
@pytest.mark.slow
def test_figures_are_those_of_the_coco_evaluation(monkeypatch):
    from pycocoevalcap import eval as coco

    # SPICE fetches its models when it is first made; no figure of ours asks for it.
    silent = types.SimpleNamespace(
        method=lambda: "none", compute_score=lambda true, written: (0.0, [])
    )
    monkeypatch.setattr(coco, "Spice", lambda: silent)
    rng = np.random.default_rng(0)
    words = ["red", "blue", "Shirt", "v-neck", "boot's", "100% wool", "with", "a", ","]

    def text():
        return " ".join(rng.choice(words, rng.integers(3, 12))) + "."

    captions = [text() for _ in range(40)]
    references = [[text() for _ in range(rng.integers(1, 4))] for _ in captions]
    # Some are near to a reference, as those of a model are.
    captions[::2] = [group[-1].replace("red", "blue") for group in references[::2]]

    def annotations(groups):
        entries = {i: [{"caption": t} for t in group] for i, group in enumerate(groups)}
        return types.SimpleNamespace(
            imgToAnns=entries, getImgIds=lambda: list(entries)
        )

    theirs = coco.COCOEvalCap(
        annotations(references), annotations([[text] for text in captions])
    )
    theirs.evaluate()
    # Another writer's captions beside them change nothing.
    together = {"others": captions[::-1], "these": captions}
    figures, each = metrics.caption_figures(together, references)["these"]
    names = {
        "bleu_4": "Bleu_4", "meteor": "METEOR", "rouge_l": "ROUGE_L", "cider": "CIDEr",
    }
    for ours, name in names.items():
        assert figures[ours] == pytest.approx(theirs.eval[name], abs=1e-9)
        assert figures[ours] > 0.1
    np.testing.assert_allclose(
        each, [theirs.imgToEval[i]["CIDEr"] for i in range(len(captions))]
    )


def test_rouge_by_hand_and_no_meteor_without_java(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    figures, _ = caption_figures(["red dress, bow"], [["A red dress with a bow."]])
    assert figures["meteor"] is None and figures["tokenizer"] == "words"
    # All 3 words stand in the reference's order: precision 1, recall 3 of 6; the
    # recall counts 1.2 squared times.
    expected = (1 + 1.2**2) * 1 * 0.5 / (0.5 + 1.2**2 * 1)
    assert figures["rouge_l"] == pytest.approx(expected)


def test_the_same_words_again_are_not_distinct(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    figures, _ = caption_figures(["red hat"] * 5, [["red hat"]] * 5)
    assert figures["distinct_1"] == 2 / 10 and figures["distinct_2"] == 1 / 5
    none, each = caption_figures(["", ""], [["a"], ["b"]])
    assert none["distinct_1"] == none["words"] == 0.0
    np.testing.assert_array_equal(each, [0.0, 0.0])


@pytest.mark.parametrize("captions, references", [([], []), (["a"], [["a"], ["b"]])])
def test_captions_without_references_are_one_clear_error(captions, references):
    with pytest.raises(ValueError, match="Each caption needs its references"):
        caption_figures(captions, references)
