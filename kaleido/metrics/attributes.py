"""What captions of rendered products say of their attributes, rightly or not.

The rendered catalogue's texts are written from one table of phrases, and the labels
of a product say which of its attributes the picture shows and the text names. So a
caption can be read by the same table, and what it says be compared with the truth.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import json
import re
from typing import Any, Dict, FrozenSet, List, Mapping, Sequence, Set, Tuple

from kaleido.catalogs.rendered.subcategories import SUBCATEGORIES
from kaleido.catalogs.rendered.visibility import NAMED, VISIBLE
from kaleido.catalogs.rendered.vocabulary import FORMS, PHRASES

# What a product is called says its sub-category.
GARMENT = "garment"
# Phrases of things that no picture shows, in which a word would be read as a garment.
_NO_GARMENT = ("dust bag",)

Claim = Tuple[str, str]


@dataclasses.dataclass(frozen=True)
class Truth:
    """What is true of one picture of a rendered product.

    Attributes:
        values: by attribute, `GARMENT` among them; `none` or `tonal` where the product
            has no such thing, or none of a colour of its own.
        asked: the attributes that the picture shows and the text names: a caption
            can be asked for these.
    """

    values: Mapping[str, str]
    asked: FrozenSet[str]


def read_truth(labels: str, subcategory: str) -> Truth:
    """Reads what a record says of its product.

    Args:
        labels: the record's `labels`, JSON.
        subcategory: the record's.

    Raises:
        ValueError: if the labels are not those of the rendered catalogue.
    """
    found = json.loads(labels)
    missing = [name for name in (VISIBLE, NAMED) if name not in found]
    if missing:
        raise ValueError(
            "The attribute score needs records of the rendered catalogue, whose labels "
            f"say {' and '.join(missing)}. Received: labels={sorted(found)}"
        )
    visible, named = (set(found[name].split()) for name in (VISIBLE, NAMED))
    values = {name: value for name, value in found.items() if name in FORMS}
    return Truth(
        {**values, GARMENT: subcategory}, frozenset(visible & named | {GARMENT})
    )


def has_truth(labels: str) -> bool:
    """Whether a record's `labels`, JSON, are those of the rendered catalogue."""
    return {VISIBLE, NAMED} <= set(json.loads(labels))


def claims(caption: str) -> Set[Claim]:
    """Returns the pairs (attribute, value) that a caption names.

    From left to right the longest phrase counts: "white sole" says nothing of the
    colour of a shoe. The skirt of "a-line skirt" is a part of a dress where the caption
    calls the product one, and else the product.

    Args:
        caption: a text, or what `Tokenizer.decode` makes of one: case does not count,
            nor do blanks around punctuation.
    """
    table, longest = _table()
    words = _words(caption)
    said: List[Set[Claim]] = []
    start = 0
    while start < len(words):
        length = next(
            (
                n for n in range(min(longest, len(words) - start), 0, -1)
                if words[start : start + n] in table
            ),
            0,
        )
        if length:
            said.append(table[words[start : start + length]])
        start += max(length, 1)
    called = [phrase for phrase in said if {name for name, _ in phrase} == {GARMENT}]
    found = set().union(*said)
    if called:
        found = {c for c in found if c[0] != GARMENT}.union(*called)
    return found


def attribute_figures(
    captions: Sequence[str], truths: Sequence[Truth]
) -> Dict[str, Any]:
    """Scores what captions say of attributes, over all captions together.

    An attribute that a caption names with two values makes two claims.

    Args:
        captions: one a picture.
        truths: of the pictures.

    Returns:
        `named`, the share of the attributes that were `asked` for that captions name
        rightly; `invented`, the share of their `claims` that are not true; both None
        of none; the counts `asked`, `named_rightly`, `claims`, `untrue`; and
        `by_attribute`, all of these for each attribute that was asked for or claimed.

    Raises:
        ValueError: if there are no captions, or not as many as truths.
    """
    if not captions or len(captions) != len(truths):
        raise ValueError(
            "Each caption needs the truth of its product. Received: "
            f"{len(captions)} captions, {len(truths)} truths"
        )
    counts: Dict[str, collections.Counter] = {}
    for caption, truth in zip(captions, truths):
        claimed = claims(caption)
        for name in truth.asked:
            count = counts.setdefault(name, collections.Counter())
            count["asked"] += 1
            count["named_rightly"] += (name, truth.values[name]) in claimed
        for name, value in claimed:
            count = counts.setdefault(name, collections.Counter())
            count["claims"] += 1
            count["untrue"] += truth.values.get(name) != value
    total = sum(counts.values(), collections.Counter())
    return {
        **_shares(total),
        "by_attribute": {name: _shares(counts[name]) for name in sorted(counts)},
    }


def _shares(count: Mapping[str, int]) -> Dict[str, Any]:
    return {
        "named": count["named_rightly"] / count["asked"] if count["asked"] else None,
        "invented": count["untrue"] / count["claims"] if count["claims"] else None,
        **{key: count[key] for key in ("asked", "named_rightly", "claims", "untrue")},
    }


def _words(text: str) -> Tuple[str, ...]:
    """Splits as the tokenizer does: runs of letters and digits, and single signs."""
    return tuple(re.findall(r"[^\W_]+|[^\w\s]|_", text.lower()))


@functools.lru_cache(maxsize=None)
def _table() -> Tuple[Mapping[Tuple[str, ...], Set[Claim]], int]:
    """Returns what each phrase claims, and the number of words of the longest."""
    nouns = {
        _words(noun): {(GARMENT, subcategory.name)}
        for subcategory in SUBCATEGORIES
        for noun in subcategory.nouns
    }
    table = {**nouns, **{_words(phrase): set() for phrase in _NO_GARMENT}}
    for name, values in FORMS.items():
        for value, forms in values.items():
            for template in ("{}", *PHRASES.get(name, ())):
                for form in forms:
                    words = _words(template.format(form))
                    table[words] = {(name, value)} | nouns.get(words[-1:], set())
    return table, max(len(words) for words in table)
