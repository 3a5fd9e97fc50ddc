"""What is true of a rendered product's words: which parts they speak of, and where.

The measuring stick of the alignment generator (`metrics/alignment.py`); no step of
the pipeline reads it.
"""

from __future__ import annotations

import dataclasses
from typing import Dict, List, Sequence, Tuple

import numpy as np
import tensorflow as tf

from kaleido.catalogs.product import Product
from kaleido.patches import partition
from kaleido.text import Tokenizer

# A type of fewer occurrences has no place that could be called its usual one.
MIN_OCCURRENCES = 5
MOVING_IOU = 0.5
# The row of the words that speak of more than one part ("red trim").
SEVERAL = "several"


@dataclasses.dataclass(frozen=True)
class AlignableWords:
    """Words that speak of a part in the locked box; a row is one occurrence.

    A word counts once, however many pieces it has.

    Attributes:
        product: int32 [words], which product of the catalogue it is said of.
        first, end: int32 [words], its token positions [first, end).
        text: str [words], lower case.
        parts: str [words, boxes], name of the part of each box; "" is no box.
        boxes: float64 [words, boxes, 4], (x1, y1, x2, y2) in [0, 1] of the locked
            box; zeros where there is none.
    """

    product: np.ndarray
    first: np.ndarray
    end: np.ndarray
    text: np.ndarray
    parts: np.ndarray
    boxes: np.ndarray

    def __len__(self) -> int:
        return len(self.text)


def word_tokens(
    words: AlignableWords, has_map: np.ndarray
) -> Tuple[np.ndarray, np.ndarray]:
    """Chooses the token that speaks for each word: its first piece with a map.

    Args:
        words: the words.
        has_map: bool [products, tokens], whether a method gave the token a map.

    Returns:
        A pair of int32 [words], positions (a word's first piece where none has a
        map), and bool [words], whether that token has a map. A word's map is then
        `maps[words.product, position]`.
    """
    position, found = words.first.copy(), np.zeros(len(words), bool)
    longest = int((words.end - words.first).max(initial=0))
    for offset in range(longest):
        candidate = np.minimum(words.first + offset, words.end - 1)
        new = ~found & has_map[words.product, candidate]
        position[new] = candidate[new]
        found |= new
    return position, found


def alignable_words(
    products: Sequence[Product],
    locked_boxes: np.ndarray,
    tokenizer: Tokenizer,
    max_tokens: int,
) -> AlignableWords:
    """Finds the words of texts that speak of a part in the locked box.

    A word is what the tokenizer takes for one: a piece and its continuations, so
    "v-neck" is "v" and "neck"; what has neither letter nor digit is no word. All
    words of a span speak of its part ("white sole": both). A word that the token
    limit cuts keeps the pieces that are left, under its whole name; a part counts
    with what the locked box leaves of it, and not at all if that is nothing.

    Args:
        products: rendered products; one without `parts` adds no words.
        locked_boxes: int [products, 4], (x1, y1, x2, y2) in pixels.
        tokenizer: gives the token positions; its [CLS] is position 0.
        max_tokens: as for `Tokenizer.__call__`.

    Returns:
        The words in reading order, product by product; `product` is the index in
        `products`.

    Raises:
        ValueError: if there is not one locked box for each product.
    """
    locked_boxes = np.asarray(locked_boxes)
    if locked_boxes.shape != (len(products), 4):
        raise ValueError(
            f"`locked_boxes` must be [{len(products)}, 4]. "
            f"Received: shape {locked_boxes.shape}"
        )
    found = []
    for row, words in enumerate(_words([p.text for p in products], tokenizer)):
        parts = _parts(products[row], locked_boxes[row])
        for text, (first, end), (start, stop) in words:
            shown = [
                (name, box)
                for name, box, spans in parts
                if any(low < stop and start < high for low, high in spans)
            ]
            # The last position that is left for a piece is the one before [SEP].
            end = min(end, max_tokens - 1)
            if shown and first < end:
                found.append((row, first, end, text, shown))
    width = max((len(shown) for *_, shown in found), default=1)
    boxes = np.zeros((len(found), width, 4))
    for table, (*_, shown) in zip(boxes, found):
        table[: len(shown)] = [box for _, box in shown]
    names = [
        [name for name, _ in shown] + [""] * (width - len(shown))
        for *_, shown in found
    ]
    return AlignableWords(
        product=np.array([row for row, *_ in found], np.int32),
        first=np.array([first for _, first, *_ in found], np.int32),
        end=np.array([end for _, _, end, *_ in found], np.int32),
        text=np.array([text for *_, text, _ in found], str),
        parts=np.array(names, str).reshape(-1, width),
        boxes=boxes,
    )


_Word = Tuple[str, Tuple[int, int], Tuple[int, int]]


def _words(texts: Sequence[str], tokenizer: Tokenizer) -> List[List[_Word]]:
    """Returns each text's words: lower case, token positions, bytes [start, end)."""
    if not texts:
        return []
    ragged = tokenizer.pieces_with_offsets(tf.constant(list(texts)))
    pieces, starts, ends = (part.to_list() for part in ragged)
    is_continuation = tokenizer.vocabulary.is_continuation
    result = []
    for row, text in enumerate(texts):
        raw, words = text.encode("utf-8"), []
        firsts = np.flatnonzero(~is_continuation[np.array(pieces[row], np.int64)])
        for first, end in zip(firsts, [*firsts[1:], len(pieces[row])]):
            place = (starts[row][first], ends[row][end - 1])
            word = raw[place[0] : place[1]].decode("utf-8").lower()
            if any(character.isalnum() for character in word):
                words.append((word, (int(first) + 1, int(end) + 1), place))
        result.append(words)
    return result


_Shown = Tuple[str, np.ndarray, List[Tuple[int, int]]]


def _parts(product: Product, locked: np.ndarray) -> List[_Shown]:
    """Returns name, box and spans of the parts that lie in the locked box.

    Boxes become float64 [4] in [0, 1] of the locked box, clipped to it. Spans
    become bytes: that is what the tokenizer counts.
    """
    origin, size = locked[[0, 1, 0, 1]], (locked[2:] - locked[:2])[[0, 1, 0, 1]]
    shown = []
    for part in product.parts:
        box = np.clip((np.array(part.box) - origin) / size, 0.0, 1.0)
        if (box[2:] > box[:2]).all():
            spans = [
                tuple(len(product.text[:k].encode("utf-8")) for k in span)
                for span in part.words
            ]
            shown.append((part.name, box, spans))
    return shown


def steadiness(words: AlignableWords) -> Dict[Tuple[str, str], Tuple[int, float]]:
    """Measures how far each type of word has one place for its part.

    Args:
        words: all words of a catalogue.

    Returns:
        For each (word, part name) the number of its boxes, and the mean IoU of
        these with their element-wise median box: 1 if the part never moves.
    """
    rows, columns = np.nonzero(words.parts != "")
    types: Dict[Tuple[str, str], list] = {}
    for row, column in zip(rows, columns):
        key = (str(words.text[row]), str(words.parts[row, column]))
        types.setdefault(key, []).append(words.boxes[row, column])
    result = {}
    for key, boxes in types.items():
        boxes = np.stack(boxes)
        usual = np.median(boxes, axis=0)
        result[key] = (len(boxes), float(np.mean(_iou(boxes, usual))))
    return result


def _iou(boxes: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Intersection over union of float [n, 4] boxes with one box [4]."""

    def area(box):
        return np.prod(np.maximum(box[..., 2:] - box[..., :2], 0.0), axis=-1)

    low = np.maximum(boxes[:, :2], other[:2])
    high = np.minimum(boxes[:, 2:], other[2:])
    shared = area(np.concatenate([low, high], axis=1))
    # A median box of no area shares nothing with anything.
    return shared / np.maximum(area(boxes) + area(other) - shared, 1e-12)


def moving_words(words: AlignableWords) -> np.ndarray:
    """Returns bool [words]: words whose part moves between products.

    The part of a (word, part name) moves if it is named at least
    `MIN_OCCURRENCES` times and its `steadiness` is below `MOVING_IOU`. A word
    that speaks of several parts moves if all of them do: any of them counts as
    found, so one that stays in its place makes the word easy.

    Args:
        words: all words of a catalogue; what moves is a matter of all of them.
    """
    moving = {
        key
        for key, (count, iou) in steadiness(words).items()
        if count >= MIN_OCCURRENCES and iou < MOVING_IOU
    }
    return np.array(
        [
            all((str(text), str(part)) in moving for part in parts if part)
            for text, parts in zip(words.text, words.parts)
        ],
        bool,
    )


def part_of_words(words: AlignableWords) -> np.ndarray:
    """Returns str [words]: the one part that a word speaks of, or `SEVERAL`.

    Every word is in one row of a table by part, so the rows add up to all words.
    """
    names = []
    for parts in words.parts:
        distinct = {str(part) for part in parts if part}
        names.append(distinct.pop() if len(distinct) == 1 else SEVERAL)
    return np.array(names, str)


def foreground_shares(mask: bytes, locked_box: np.ndarray, level: int) -> np.ndarray:
    """Returns how much of each patch is foreground.

    Args:
        mask: a PNG of the picture's size, 255 = foreground (`Product.mask`).
        locked_box: int [4], (x1, y1, x2, y2) in pixels, at least `level` a side.
        level: patches a side.

    Returns:
        float64 [level, level], values in [0, 1].
    """
    foreground = tf.io.decode_png(mask, channels=1)[..., 0].numpy() > 127
    x1, y1, x2, y2 = (int(k) for k in locked_box)
    xs, ys = partition(x1, x2, level).numpy(), partition(y1, y2, level).numpy()
    counts = foreground[y1:y2, x1:x2].astype(np.float64)
    counts = np.add.reduceat(counts, ys[:-1] - y1, axis=0)
    counts = np.add.reduceat(counts, xs[:-1] - x1, axis=1)
    return counts / np.outer(np.diff(ys), np.diff(xs))
