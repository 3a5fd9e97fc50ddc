"""Attribute scores by hand, and that the catalogue's own texts are perfect."""

import collections
import json

import pytest
import tensorflow as tf

from kaleido.catalogs.rendered import RenderedCatalog
from kaleido.catalogs.rendered.subcategories import SUBCATEGORIES
from kaleido.catalogs.rendered.vocabulary import FORMS
from kaleido.metrics.attributes import (
    Truth,
    attribute_figures,
    claims,
    read_truth,
)
from kaleido.text import Tokenizer

SNEAKER = Truth(
    {
        "color": "white", "sole": "flat", "sole_color": "red", "pattern": "none",
        "trim_color": "tonal", "toe": "round", "garment": "SNEAKERS",
    },
    frozenset({"color", "sole", "sole_color", "garment"}),
)


def test_the_longest_phrase_counts_and_blanks_around_signs_do_not():
    assert claims("Sneakers with a white sole, low - top") == {
        ("garment", "SNEAKERS"), ("sole_color", "white"), ("top_height", "low"),
    }
    assert claims("Low-top design; sole in light blue and white trim.") == {
        ("top_height", "low"), ("sole_color", "sky"), ("trim_color", "white"),
    }
    # Words that only begin like a phrase, or hold one, say nothing.
    assert claims("Solely shirttails, whites, v") == claims("") == set()


def test_a_skirt_is_a_part_of_what_is_called_a_dress():
    assert claims("navy dress. a - line skirt.") == {
        ("color", "navy"), ("garment", "DRESSES"), ("silhouette", "a-line"),
    }
    assert claims("a-line skirt in navy") == {
        ("color", "navy"), ("garment", "SKIRTS"), ("silhouette", "a-line"),
    }
    assert claims("skirt. a-line skirt") == claims("a-line skirt")
    assert claims("Pumps. Dust bag included.") == {("garment", "PUMPS")}


def test_figures_by_hand():
    captions = [
        # Right: garment, colour, sole colour; the toe, too, which is not asked for.
        # Untrue: the second colour; stripes; a trim where there is none of its own.
        "white and navy sneakers, red sole, round toe, blue trim, striped",
        # Right: garment. Untrue: the sole.
        "trainers with a chunky sole",
    ]
    figures = attribute_figures(captions, [SNEAKER, SNEAKER])
    assert figures["asked"] == 8 and figures["named_rightly"] == 4
    assert figures["named"] == 4 / 8
    assert figures["claims"] == 9 and figures["untrue"] == 4
    assert figures["invented"] == 4 / 9
    rows = figures["by_attribute"]
    assert rows["color"] == {
        "named": 1 / 2, "invented": 1 / 2, "asked": 2, "named_rightly": 1, "claims": 2,
        "untrue": 1,
    }
    # Nobody asked for the toe: no share of it.
    assert rows["toe"]["named"] is None and rows["toe"]["invented"] == 0.0
    assert rows["sole"]["named"] == 0.0 and rows["sole"]["invented"] == 1.0
    assert set(rows) == {
        "color", "garment", "pattern", "sole", "sole_color", "toe", "trim_color",
    }
    for name in ("asked", "named_rightly", "claims", "untrue"):
        assert sum(row[name] for row in rows.values()) == figures[name]


def test_an_attribute_that_the_product_cannot_have_is_invented():
    figures = attribute_figures(["sneakers with long sleeves, long-sleeved"], [SNEAKER])
    assert figures["by_attribute"]["sleeve"]["invented"] == 1.0
    silent = attribute_figures([""], [SNEAKER])
    assert silent["invented"] is None and silent["named"] == 0.0


@pytest.fixture(scope="module")
def rendered():
    products = list(RenderedCatalog(200, seed=17, views=1, size=64).read(range(200)))
    truths = [read_truth(json.dumps(p.labels), p.subcategory) for p in products]
    return products, truths


def test_the_products_own_texts_are_perfect(rendered, english):
    products, truths = rendered
    texts = [product.text for product in products]
    tokenizer = Tokenizer(english)
    decoded = [tokenizer.decode(i) for i in tokenizer(tf.constant(texts), 256).numpy()]
    for captions in (texts, decoded):
        figures = attribute_figures(captions, truths)
        assert figures["named"] == 1.0 and figures["invented"] == 0.0
        assert figures["asked"] > 8 * len(products)
    rows = attribute_figures(texts, truths)["by_attribute"]
    assert set(rows) == {*FORMS, "garment"}


def test_texts_of_other_products_are_not(rendered):
    products, truths = rendered
    step = len(SUBCATEGORIES)
    texts = [product.text for product in products]
    same_kind = attribute_figures(texts[step:] + texts[:step], truths)
    other_kind = attribute_figures(texts[1:] + texts[:1], truths)
    # As many as there are products but for the seam, where the turn breaks off.
    assert same_kind["by_attribute"]["garment"]["named"] > 0.9
    assert other_kind["by_attribute"]["garment"]["named"] < 0.1
    assert other_kind["named"] < same_kind["named"] < 0.5
    assert other_kind["invented"] > same_kind["invented"] > 0.4


def test_what_no_picture_shows_or_no_text_says_is_not_asked_for():
    catalog = RenderedCatalog(66, seed=2, views=4, size=64, text_fields=("title",))
    asked = collections.defaultdict(set)
    for product in catalog.read(range(len(catalog))):
        truth = read_truth(json.dumps(product.labels), product.subcategory)
        figures = attribute_figures([product.title], [truth])
        assert figures["named"] == 1.0 and figures["invented"] == 0.0
        asked[product.labels["view"]] |= truth.asked
    assert asked["front"] >= {"color", "neckline", "length", "garment"}
    assert "neckline" not in asked["back"] and "length" in asked["back"]
    assert "length" not in asked["closeup"] and "neckline" in asked["closeup"]
    # Titles never speak of these.
    assert not set().union(*asked.values()) & {"pocket", "sole", "trim_color"}


def test_other_inputs_are_one_clear_error():
    with pytest.raises(ValueError, match=r"rendered catalogue.*Received: .*\['brand'"):
        read_truth('{"brand": "Oku"}', "BOOTS")
    for captions in ([], ["a", "b"]):
        with pytest.raises(ValueError, match="Each caption needs the truth.*Received"):
            attribute_figures(captions, [SNEAKER])
