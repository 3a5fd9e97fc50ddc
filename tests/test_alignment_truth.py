"""Words and their parts by hand, against the tokenizer, and on rendered products."""

import io

import numpy as np
import pytest
from PIL import Image

from kaleido.alignment_truth import (
    AlignableWords,
    alignable_words,
    foreground_shares,
    moving_words,
    part_of_words,
    steadiness,
    word_tokens,
)
from kaleido.catalogs.product import Part, Product
from kaleido.catalogs.rendered import RenderedCatalog
from kaleido.text import Tokenizer

WHOLE = [0, 0, 100, 100]


@pytest.fixture(scope="module")
def tokenizer(english):
    return Tokenizer(english)


def product_of(text, **parts):
    """A product; `parts` maps a name to (box, phrases that speak of it)."""
    return Product(
        product_id="1", image_id="1", image=b"", text=text,
        parts=tuple(
            Part(
                name, box,
                tuple((text.index(p), text.index(p) + len(p)) for p in phrases),
            )
            for name, (box, phrases) in parts.items()
        ),
    )  # fmt: skip


def pieces_of(words, row, texts, tokenizer, max_tokens):
    ids = tokenizer(texts, max_tokens).numpy()[words.product[row]]
    return tokenizer.decode(ids[words.first[row] : words.end[row]])


def test_words_of_a_text_by_hand(tokenizer):
    product = product_of(
        "Low shoe, tangerine sole. V-neck. White sole",
        sole=((10, 80, 60, 100), ["tangerine sole", "White sole"]),
        neckline=((0, 0, 50, 10), ["V-neck"]),
        closure=((0, 0, 5, 5), []),
    )
    words = alignable_words([product], [[10, 0, 110, 100]], tokenizer, 64)
    # Both words of a span, no punctuation, nothing that no span names.
    assert words.text.tolist() == [
        "tangerine", "sole", "v", "neck", "white", "sole",
    ]  # fmt: skip
    assert words.parts[:, 0].tolist() == ["sole"] * 2 + ["neckline"] * 2 + ["sole"] * 2
    # [CLS] low shoe , tang ##erine sole . v - neck . white sole
    assert words.first.tolist() == [4, 6, 8, 10, 12, 13]
    assert words.end.tolist() == [6, 7, 9, 11, 13, 14]
    # In the locked box, which cuts ten pixels off the neckline.
    assert words.boxes[0, 0] == pytest.approx([0, 0.8, 0.5, 1])
    assert words.boxes[2, 0] == pytest.approx([0, 0, 0.4, 0.1])


def test_a_word_may_speak_of_several_parts(tokenizer):
    product = product_of(
        "Red trim and long hem",
        cuff=((0, 40, 20, 50), ["Red trim"]),
        hem=((0, 90, 100, 100), ["Red trim", "long hem"]),
    )
    words = alignable_words([product], [WHOLE], tokenizer, 64)
    assert words.parts.tolist() == [["cuff", "hem"]] * 2 + [["hem", ""]] * 2
    assert part_of_words(words).tolist() == ["several"] * 2 + ["hem"] * 2
    assert words.boxes[3].tolist() == [[0, 0.9, 1, 1], [0, 0, 0, 0]]


def test_a_part_outside_of_the_locked_box_is_not_alignable(tokenizer):
    product = product_of(
        "Long hem, round toe",
        hem=((0, 90, 100, 100), ["Long hem"]), toe=((0, 0, 9, 9), ["round toe"]),
    )
    words = alignable_words([product], [[0, 20, 100, 90]], tokenizer, 64)
    assert len(words) == 0
    words = alignable_words([product], [[0, 20, 100, 91]], tokenizer, 64)
    assert words.text.tolist() == ["long", "hem"]


def test_accents_and_capitals_do_not_shift_the_words(tokenizer):
    # Characters of two and three bytes before the span; spans count characters.
    text = "Élégant crème – ÉCRU soles"
    product = product_of(text, sole=((0, 0, 9, 9), ["ÉCRU soles"]))
    words = alignable_words([product], [WHOLE], tokenizer, 64)
    assert words.text.tolist() == ["écru", "soles"]
    assert [
        pieces_of(words, row, [text], tokenizer, 64) for row in range(2)
    ] == ["ecru", "soles"]


def test_a_word_that_only_touches_a_span_is_not_part_of_it(tokenizer):
    product = product_of("slip-on-strap", strap=((0, 0, 9, 9), ["-on-"]))
    words = alignable_words([product], [WHOLE], tokenizer, 64)
    assert words.text.tolist() == ["on"]


def test_the_token_limit_cuts_words(tokenizer):
    product = product_of(
        "white tangerine sole",
        sole=((0, 0, 9, 9), ["white tangerine sole"]),
    )
    # [CLS] white tang ##erine sole [SEP]
    whole = alignable_words([product], [WHOLE], tokenizer, 6)
    assert (whole.first.tolist(), whole.end.tolist()) == ([1, 2, 4], [2, 4, 5])
    cut = alignable_words([product], [WHOLE], tokenizer, 4)
    assert cut.text.tolist() == ["white", "tangerine"]
    assert cut.end.tolist() == [2, 3]


def test_no_products_and_wrong_boxes(tokenizer):
    nothing = alignable_words([], np.zeros((0, 4), int), tokenizer, 64)
    assert len(nothing) == 0 and nothing.boxes.shape == (0, 1, 4)
    assert moving_words(nothing).shape == (0,)
    with pytest.raises(ValueError, match="locked_boxes"):
        alignable_words([product_of("a")], [WHOLE, WHOLE], tokenizer, 64)


def test_rendered_words_are_their_pieces_and_lie_in_their_spans(tokenizer):
    products = list(RenderedCatalog(products=26, seed=3, views=1).read(range(26)))
    locked = np.tile([0, 0, 256, 256], (26, 1))
    words = alignable_words(products, locked, tokenizer, 200)
    texts = [product.text for product in products]
    for row in range(len(words)):
        assert pieces_of(words, row, texts, tokenizer, 200) == words.text[row]
    # No word of a span is lost: the letters and digits of all spans are there.
    for number, product in enumerate(products):
        spans = {span for part in product.parts for span in part.words}
        told = "".join(product.text[a:b] for a, b in sorted(spans)).lower()
        own = words.text[words.product == number]
        assert "".join(own) == "".join(filter(str.isalnum, told))
    # Boxes are the parts' own, in shares of the picture.
    for row in range(0, len(words), 7):
        own = {
            (part.name, tuple(np.array(part.box) / 256))
            for part in products[words.product[row]].parts
        }
        for name, box in zip(words.parts[row], words.boxes[row]):
            assert not name or (str(name), tuple(box)) in own


def table(rows):
    """Words of products of their own from (text, {part: box})."""
    width = max(len(parts) for _, parts in rows)
    boxes = np.zeros((len(rows), width, 4))
    names = np.full((len(rows), width), "", "<U12")
    for row, (_, parts) in enumerate(rows):
        boxes[row, : len(parts)] = list(parts.values())
        names[row, : len(parts)] = list(parts)
    order = np.arange(len(rows), dtype=np.int32)
    text = np.array([text for text, _ in rows])
    return AlignableWords(order, order + 1, order + 2, text, names, boxes)


LEFT, RIGHT, BOTTOM = [0, 0, 0.2, 0.2], [0.8, 0, 1, 0.2], [0, 0.8, 1, 1]


def test_steadiness_by_hand():
    boxes = [[0, 0, 0.2, 1], [0, 0, 0.4, 1], [0, 0, 0.5, 1]]
    words = table([("red", {"hem": box}) for box in boxes] + [("red", {"toe": LEFT})])
    # The median box is [0, 0, 0.4, 1]: IoU 1/2, 1, 4/5.
    count, iou = steadiness(words)["red", "hem"]
    assert (count, iou) == (3, pytest.approx(2.3 / 3))
    assert steadiness(words)["red", "toe"] == (1, 1.0)


def test_what_moves_and_what_does_not():
    sides = [LEFT, RIGHT, LEFT, RIGHT, [0.4, 0.4, 0.6, 0.6]]
    rows = [("zip", {"pocket": box}) for box in sides]
    rows += [("sole", {"sole": BOTTOM})] * 5
    rows += [("rare", {"pocket": box}) for box in sides[:4]]
    # The same word of another part is another type.
    rows += [("zip", {"sole": BOTTOM})] * 5
    moving = moving_words(table(rows)).tolist()
    assert moving == [True] * 5 + [False] * 5 + [False] * 4 + [False] * 5


def test_a_word_of_several_parts_moves_if_all_of_them_do():
    sides = [LEFT, RIGHT, LEFT, RIGHT, [0.4, 0.4, 0.6, 0.6]]
    half = [("trim", {"cuff": box, "hem": BOTTOM}) for box in sides]
    assert not moving_words(table(half)).any()
    both = [("trim", {"cuff": a, "hem": b}) for a, b in zip(sides, sides[::-1])]
    assert moving_words(table(both)).all()
    # Alone, the cuff's word moves, though the hem's does not.
    mixed = moving_words(table(half + [("trim", {"cuff": LEFT})]))
    assert mixed.tolist() == [False] * 5 + [True]


def test_a_word_takes_the_map_of_its_first_piece_that_has_one():
    words = AlignableWords(
        product=np.array([0, 0, 1], np.int32),
        first=np.array([1, 3, 1], np.int32), end=np.array([3, 4, 4], np.int32),
        text=np.array(["a", "b", "c"]), parts=np.full((3, 1), "hem"),
        boxes=np.zeros((3, 1, 4)),
    )  # fmt: skip
    has_map = np.zeros((2, 6), bool)
    has_map[0, 2] = has_map[1, 2] = has_map[1, 3] = has_map[1, 4] = True
    has_map[0, 4] = True
    position, found = word_tokens(words, has_map)
    # The maps beside word b, at positions 2 and 4, are not its own.
    assert position.tolist() == [2, 3, 2]
    assert found.tolist() == [True, False, True]


def test_foreground_shares_by_hand():
    mask = np.zeros((40, 40), np.uint8)
    mask[10:15, 12:17] = 255  # the first patch of the second column, but one column
    mask[0:10] = 255  # outside of the locked box
    file = io.BytesIO()
    Image.fromarray(mask).save(file, "PNG")
    shares = foreground_shares(file.getvalue(), [6, 10, 31, 35], 5)
    expected = np.zeros((5, 5))
    expected[0, 1:3] = 0.8, 0.2
    assert shares == pytest.approx(expected)
    uneven = foreground_shares(file.getvalue(), [0, 0, 13, 10], 5)
    assert uneven == pytest.approx(np.ones((5, 5)))
