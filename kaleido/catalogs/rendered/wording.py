"""Titles and descriptions in the manner of a fashion shop, with word spans."""

from __future__ import annotations

import dataclasses
from typing import Dict, List, Mapping, Sequence, Tuple

import numpy as np

from kaleido.catalogs.rendered.subcategories import NONE, TONAL, SubCategory
from kaleido.catalogs.rendered.vocabulary import FORMS, PHRASES

# How likely a description mentions a visible attribute.
MENTION = 0.85
TEXT_FIELDS = ("title", "description")

_SEASONS = ("spring-summer", "fall-winter", "resort", "pre-fall")
_BRANDS = (
    "Atelier Nord",
    "Maison Ardoise",
    "Halden",
    "Oku Works",
    "Linea Sette",
    "Parkfield",
    "Sorrel & Finch",
    "Studio Vanta",
    "Tessera",
    "Wren Lane",
)
_COUNTRIES = ("Italy", "Portugal", "Japan", "France", "Spain", "Romania", "Turkey")
_GENDERS = ("women", "men")
# Things no picture shows: a model has to learn to live with them.
# One line of a theme at most.
_UNSEEN = (
    ("Tonal stitching.", "Single-needle stitching.", "Contrast stitching at interior."),
    ("Fully lined.", "Partially lined.", "Unlined."),
    ("Machine wash cold.", "Dry clean only.", "Hand wash."),
    ("Made in {country}.", "Handcrafted in {country}.", "Imported."),
    ("From the {season} collection.", "Part of the {season} line."),
    ("Model wears size {size}.", "Fits true to size.", "Size up for a loose fit."),
)
_UNSEEN_GOODS = (
    ("Tonal stitching.", "Hand-finished edges."),
    ("Leather lining.", "Textile lining.", "Suede lining."),
    ("Made in {country}.", "Handcrafted in {country}.", "Imported."),
    ("From the {season} collection.", "Part of the {season} line."),
    ("Logo stamp at interior.", "Dust bag included."),
)
_LEADS = (
    "{adjectives} {material} {noun} in {color}.",
    "{adjectives} {noun} in {color} {material}.",
    "{material} {noun} in {color}.",
    "{adjectives} {color} {noun} in {material}.",
    "{color} {adjectives} {material} {noun}.",
)
_ONE = ("{}.",) * 8 + ("Features {}.", "Detailed with {}.", "Comes with {}.")
_TWO = (
    "{} and {}.",
    "{} with {}.",
    "{}, {}.",
    "Features {} and {}.",
    "{}, plus {}.",
    "Finished with {} and {}.",
    "Designed with {} and {}.",
)


@dataclasses.dataclass(frozen=True)
class Span:
    """Words that speak of one attribute: characters [start, end) of a text."""

    attribute: str
    start: int
    end: int


@dataclasses.dataclass(frozen=True)
class Wording:
    """The text of a product.

    Attributes:
        title: e.g. `Navy Striped V-Neck T-Shirt`.
        description: some sentences.
        title_spans: attributes named in the title, offsets in it.
        description_spans: the same for the description.
        unseen: labels that the text may name and no picture shows.
    """

    title: str
    description: str
    title_spans: Tuple[Span, ...]
    description_spans: Tuple[Span, ...]
    unseen: Mapping[str, str]

    def join(self, fields: Sequence[str]) -> Tuple[str, Tuple[Span, ...]]:
        """Returns the text of the given fields and the spans in it."""
        if tuple(fields) == ("title",):
            return self.title, self.title_spans
        if tuple(fields) == ("description",):
            return self.description, self.description_spans
        shift = len(self.title) + 2
        moved = tuple(
            Span(span.attribute, span.start + shift, span.end + shift)
            for span in self.description_spans
        )
        return f"{self.title}. {self.description}", self.title_spans + moved


class _Text:
    """Text under construction; remembers where attributes are named."""

    def __init__(self) -> None:
        self.text = ""
        self.spans: List[Span] = []

    def add(self, text: str, attribute: str = "") -> None:
        if attribute:
            start = len(self.text)
            self.spans.append(Span(attribute, start, start + len(text)))
        self.text += text

    def extend(self, other: "_Text") -> None:
        """Appends another text with its spans."""
        shift = len(self.text)
        self.text += other.text
        self.spans += [
            Span(span.attribute, span.start + shift, span.end + shift)
            for span in other.spans
        ]

    def capitalize(self) -> None:
        """Makes the first letter a capital, which moves no span."""
        self.text = self.text[:1].upper() + self.text[1:]


def _choose(rng: np.random.Generator, choices: Sequence):
    return choices[int(rng.integers(len(choices)))]


def _fill(template: str, slots: Mapping[str, _Text]) -> _Text:
    """Returns the template with its `{name}` slots replaced."""
    text = _Text()
    rest = template
    while "{" in rest:
        before, rest = rest.split("{", 1)
        name, rest = rest.split("}", 1)
        text.add(before)
        text.extend(slots[name])
    text.add(rest)
    return text


def _form(attribute: str, value: str, rng: np.random.Generator) -> _Text:
    """Returns one of the attribute's surface forms."""
    text = _Text()
    text.add(_choose(rng, FORMS[attribute][value]), attribute)
    return text


def _phrase(attribute: str, value: str, rng: np.random.Generator) -> _Text:
    """Returns a noun phrase that names the attribute."""
    template = _choose(rng, PHRASES.get(attribute, ("{}",)))
    return _fill(
        template.replace("{}", "{form}"), {"form": _form(attribute, value, rng)}
    )


def _plain(text: str) -> _Text:
    result = _Text()
    result.add(text)
    return result


def _join(parts: Sequence[_Text], glue: str) -> _Text:
    text = _Text()
    for k, part in enumerate(parts):
        if k:
            text.add(glue)
        text.extend(part)
    return text


def _title(
    subcategory: SubCategory, named: Mapping[str, str], noun: str,
    rng: np.random.Generator,
) -> _Text:  # fmt: skip
    """Returns a title of a colour, up to two adjectives and a noun."""
    words = [_form("color", named["color"], rng)]
    lead = [name for name in subcategory.lead if name in named]
    rng.shuffle(lead)
    for name in lead[: int(rng.integers(1, 3))]:
        words.append(_form(name, named[name], rng))
    text = _join(words + [_plain(noun)], " ")
    text.text = text.text.title()
    return text


def _sentences(phrases: List[_Text], rng: np.random.Generator) -> List[_Text]:
    """Returns the phrases as sentences of one or two of them."""
    sentences = []
    while phrases:
        pair = len(phrases) > 1 and rng.random() < 0.45
        used = [phrases.pop() for _ in range(2 if pair else 1)]
        template = _choose(rng, _TWO if pair else _ONE)
        for k in range(len(used)):
            template = template.replace("{}", "{%d}" % k, 1)
        sentences.append(_fill(template, {str(k): used[k] for k in range(len(used))}))
    return sentences


def write(
    subcategory: SubCategory, attributes: Mapping[str, str], rng: np.random.Generator
) -> Wording:
    """Writes the text of a product.

    Args:
        subcategory: what it is.
        attributes: its visible attributes.
        rng: chooses what is mentioned and how.
    """
    seen = {k: v for k, v in attributes.items() if v not in (NONE, TONAL)}
    material, composition = _choose(rng, subcategory.materials)
    noun = _choose(rng, subcategory.nouns)
    unseen: Dict[str, str] = {
        "season": _choose(rng, _SEASONS), "brand": _choose(rng, _BRANDS),
        "country": _choose(rng, _COUNTRIES), "material": material,
        "composition": composition, "gender": _choose(rng, _GENDERS),
        "size": _choose(rng, ("XS", "S", "M", "L")),
        "price": str(int(rng.integers(8, 240)) * 5),
    }  # fmt: skip
    if subcategory.name in ("DRESSES", "SKIRTS", "PUMPS"):
        unseen["gender"] = "women"
    title = _title(subcategory, seen, noun, rng)
    told = [name for name in seen if rng.random() < MENTION]
    adjectives = [name for name in subcategory.lead if name in told]
    rng.shuffle(adjectives)
    adjectives = adjectives[: int(rng.integers(1, 4))]
    slots = {"material": _plain(material), "noun": _plain(noun)}
    template = _choose(rng, _LEADS)
    if "{adjectives}" not in template or not adjectives:
        adjectives = []
        template = template.replace("{adjectives} ", "")
    slots["adjectives"] = _join([_form(k, seen[k], rng) for k in adjectives], ", "
                                if rng.random() < 0.4 else " ")  # fmt: skip
    if "color" in told:
        slots["color"] = _form("color", seen["color"], rng)
    else:
        template = template.replace(" in {color}.", ".").replace(
            " in {color} {", " in {"
        ).replace("{color} ", "")  # fmt: skip
    sentences = [_fill(template, slots)]
    rest = [k for k in told if k != "color" and k not in adjectives]
    rng.shuffle(rest)
    sentences += _sentences([_phrase(k, seen[k], rng) for k in rest], rng)
    goods = subcategory.department != "CLOTHING"
    themes = list(_UNSEEN_GOODS if goods else _UNSEEN)
    rng.shuffle(themes)
    for theme in themes[: int(rng.integers(1, 4))]:
        sentences.append(_plain(_choose(rng, theme).format(**unseen)))
    if rng.random() < 0.7:
        sentences.append(_plain(f"{composition}."))
    for sentence in sentences:
        sentence.capitalize()
    description = _join(sentences, " ")
    del unseen["size"]
    return Wording(
        title.text, description.text, tuple(title.spans), tuple(description.spans),
        unseen,
    )  # fmt: skip
