"""The sub-categories of the rendered catalogue and the draw of attributes."""

from __future__ import annotations

import dataclasses
from typing import Dict, Mapping, Tuple

import numpy as np

from kaleido.catalogs.rendered.vocabulary import COLORS, METALS, color_hex

COLOR = tuple(COLORS)
METAL = tuple(METALS)
NEUTRAL = ("black", "white", "grey", "navy", "brown", "beige", "camel", "red")
TONAL = "tonal"
NONE = "none"


@dataclasses.dataclass(frozen=True)
class SubCategory:
    """A kind of product: its nouns, its materials and its attributes.

    Attributes:
        name: fine label, e.g. `T-SHIRTS`.
        category: coarse label, e.g. `TOPS`.
        nouns: what one such product is called in its text.
        materials: pairs of a material and its composition; not visible.
        attributes: values of each visible attribute, drawn independently;
            repeating a value makes it likelier.
        lead: attributes that can be adjectives in the title and the first
            sentence.
        views: the views in which it is photographed.
        department: a label of the shop.
    """

    name: str
    category: str
    nouns: Tuple[str, ...]
    materials: Tuple[Tuple[str, str], ...]
    attributes: Mapping[str, Tuple[str, ...]]
    lead: Tuple[str, ...]
    views: Tuple[str, ...] = ("front", "quarter", "closeup", "back")
    department: str = "CLOTHING"


_JERSEY = (
    ("cotton jersey", "100% cotton"),
    ("slub jersey", "50% cotton, 50% modal"),
    ("organic cotton", "100% organic cotton"),
    ("linen-blend jersey", "70% linen, 30% cotton"),
)
_WOVEN = (
    ("cotton poplin", "100% cotton"),
    ("silk", "100% silk"),
    ("linen", "100% linen"),
    ("cotton-blend", "65% cotton, 35% polyester"),
    ("crepe", "96% viscose, 4% elastane"),
)
_KNIT = (
    ("wool", "100% wool"),
    ("merino wool", "100% merino wool"),
    ("cashmere", "90% cashmere, 10% nylon"),
    ("mohair-blend", "45% mohair, 55% acrylic"),
    ("cotton", "100% cotton"),
)
_COAT = (
    ("wool-blend", "70% wool, 30% polyamide"),
    ("nylon", "100% nylon"),
    ("denim", "98% cotton, 2% elastane"),
    ("technical twill", "100% polyester"),
)
_LEATHER = (
    ("leather", "100% calfskin"),
    ("suede", "100% suede"),
    ("canvas", "cotton canvas, rubber"),
    ("grained leather", "100% lambskin"),
)
_TEE_PATTERNS = (NONE,) * 4 + (
    "stripes", "dots", "colorblock", "chevron", "camo", "floral",
)  # fmt: skip
_WOVEN_PATTERNS = (NONE,) * 3 + (
    "stripes", "pinstripes", "checks", "tartan", "dots", "floral",
)  # fmt: skip
_TRIMS = (TONAL,) * 10 + COLOR
_SOME_COLORS = (TONAL,) * 6 + COLOR
_SHOE_VIEWS = ("front", "quarter", "closeup", "pair")

SUBCATEGORIES: Tuple[SubCategory, ...] = (
    SubCategory(
        "T-SHIRTS", "TOPS", ("t-shirt", "tee", "jersey top"), _JERSEY,
        {
            "color": COLOR, "pattern": _TEE_PATTERNS, "pattern_color": COLOR,
            "trim_color": _TRIMS,
            "neckline": ("crew", "v-neck", "scoop", "boat", "henley", "mock"),
            "sleeve": ("sleeveless", "short", "short", "three-quarter", "long"),
            "length": ("cropped", "regular", "longline"),
            "fit": ("slim", "regular", "oversized"),
            "hem": ("straight", "straight", "curved"),
            "pocket": (NONE, "chest", "chest", "kangaroo"),
            "graphic": (NONE, "star", "heart", "circle", "band", "triangle",
                        "flower", "bolt"),
            "graphic_color": COLOR,
        },
        ("sleeve", "pattern", "neckline", "length", "fit"),
    ),
    SubCategory(
        "SHIRTS", "TOPS", ("shirt", "blouse", "button-up shirt"), _WOVEN,
        {
            "color": COLOR, "pattern": _WOVEN_PATTERNS, "pattern_color": COLOR,
            "trim_color": _TRIMS,
            "collar": ("spread", "spread", "band", "camp", "bow"),
            "sleeve": ("sleeveless", "short", "three-quarter", "long", "long"),
            "sleeve_shape": ("slim", "slim", "bell", "balloon"),
            "length": ("cropped", "regular", "regular", "longline"),
            "fit": ("slim", "regular", "oversized"),
            "button_color": ("white", "black", "brown", "red", "yellow"),
            "hem": ("straight", "curved"),
            "pocket": (NONE, "chest", "two-chest"),
        },
        ("sleeve", "pattern", "length", "fit"),
    ),
    SubCategory(
        "SWEATERS", "SWEATERS", ("sweater", "pullover", "jumper"), _KNIT,
        {
            "color": COLOR, "pattern_color": COLOR, "trim_color": _TRIMS,
            "pattern": (NONE, NONE, NONE, "stripes", "chevron", "argyle",
                        "colorblock", "dots"),
            "neckline": ("crew", "v-neck", "boat", "mock", "turtleneck"),
            "sleeve": ("short", "three-quarter", "long", "long", "long"),
            "sleeve_shape": ("slim", "slim", "bell", "balloon"),
            "length": ("cropped", "regular", "longline"),
            "fit": ("slim", "regular", "oversized"),
            "knit": ("plain", "ribbed", "cable"),
            "pocket": (NONE, NONE, "two-patch", "kangaroo"),
            "graphic": (NONE, NONE, NONE, "heart", "star", "band"),
            "graphic_color": COLOR,
        },
        ("sleeve", "pattern", "neckline", "length", "fit", "knit"),
    ),
    SubCategory(
        "JACKETS", "JACKETS & COATS", ("jacket", "coat", "blazer jacket"), _COAT,
        {
            "color": COLOR, "pattern_color": COLOR, "trim_color": _TRIMS,
            "pattern": (NONE, NONE, NONE, "checks", "tartan", "pinstripes",
                        "camo", "quilted"),
            "collar": ("stand", "lapel", "hood", "shearling", "rib"),
            "sleeve": ("three-quarter", "long", "long", "long"),
            "length": ("cropped", "regular", "longline"),
            "fit": ("slim", "regular", "oversized"),
            "closure": ("buttons", "double", "zip", "snaps"),
            "hardware": METAL,
            "pocket": (NONE, "two-flap", "two-zip", "two-patch", "two-chest"),
            "belt": (NONE, NONE, "belt", "sash"), "belt_color": _SOME_COLORS,
        },
        ("sleeve", "pattern", "length", "fit"),
    ),
    SubCategory(
        "DRESSES", "DRESSES", ("dress", "frock"), _WOVEN,
        {
            "color": COLOR, "pattern": _WOVEN_PATTERNS + ("leopard",),
            "pattern_color": COLOR, "trim_color": _TRIMS,
            "neckline": ("crew", "v-neck", "scoop", "boat", "square"),
            "sleeve": ("sleeveless", "straps", "short", "three-quarter", "long"),
            "sleeve_shape": ("slim", "bell", "balloon"),
            "silhouette": ("straight", "a-line", "flared", "pleated", "tiered"),
            "length": ("mini", "knee", "midi", "maxi"),
            "belt": (NONE, NONE, "belt", "sash"), "belt_color": _SOME_COLORS,
            "closure": (NONE, NONE, "buttons", "zip"),
            "pocket": (NONE, NONE, "two-patch", "slant"),
            "hem": ("straight", "band", "ruffle"),
        },
        ("sleeve", "pattern", "length", "silhouette", "neckline"),
    ),
    SubCategory(
        "SKIRTS", "SKIRTS", ("skirt",), _WOVEN,
        {
            "color": COLOR, "pattern": _WOVEN_PATTERNS + ("leopard",),
            "pattern_color": COLOR, "trim_color": _TRIMS,
            "silhouette": ("straight", "a-line", "flared", "pleated", "tiered"),
            "length": ("mini", "knee", "midi", "maxi"),
            "waist": ("plain", "loops", "elastic"),
            "closure": (NONE, "buttons", "zip", "drawstring"),
            "belt": (NONE, NONE, "belt", "sash"), "belt_color": _SOME_COLORS,
            "pocket": (NONE, "two-patch", "slant", "two-flap"),
            "hem": ("straight", "band", "ruffle", "fringe"),
            "slit": (NONE, NONE, "slit"),
        },
        ("pattern", "length", "silhouette"),
    ),
    SubCategory(
        "TROUSERS", "PANTS", ("trousers", "pants", "slacks"), _WOVEN + _COAT[2:],
        {
            "color": COLOR, "pattern_color": COLOR, "trim_color": _TRIMS,
            "pattern": (NONE, NONE, NONE, "pinstripes", "checks", "tartan",
                        "camo", "dots"),
            "leg": ("skinny", "straight", "tapered", "wide", "flared"),
            "length": ("shorts", "ankle", "full", "full"),
            "waist": ("plain", "loops", "elastic"),
            "closure": ("fly", "drawstring", "buttons"),
            "belt": (NONE, NONE, "belt", "sash"), "belt_color": _SOME_COLORS,
            "pocket": (NONE, "slant", "cargo", "two-patch"),
            "side_stripe": (NONE,) * 10 + COLOR,
            "knee": (NONE, NONE, NONE, "ripped", "patch"),
            "hem": ("straight", "turn-up", "band"),
        },
        ("pattern", "length", "leg"),
    ),
    SubCategory(
        "SNEAKERS", "SHOES", ("sneakers", "trainers", "skate shoes"), _LEATHER,
        {
            "color": COLOR, "pattern_color": COLOR, "trim_color": _TRIMS,
            "pattern": (NONE,) * 5 + ("checks", "camo", "leopard", "dots"),
            "top_height": ("low", "low", "mid", "high"),
            "toe": ("round", "cap", "perforated"),
            "sole": ("flat", "chunky", "platform"),
            "sole_color": ("white",) * 6 + COLOR,
            "closure": ("laces", "laces", "velcro", "elastic"),
            "stripe": (NONE, "single", "triple", "wave", "star"),
            "stripe_color": COLOR,
            "heel_tab": COLOR,
        },
        ("top_height", "pattern"), _SHOE_VIEWS, "SHOES",
    ),
    SubCategory(
        "BOOTS", "SHOES", ("boots", "booties"), _LEATHER,
        {
            "color": COLOR, "pattern_color": COLOR, "trim_color": _TRIMS,
            "pattern": (NONE,) * 6 + ("leopard", "tartan", "quilted"),
            "shaft": ("ankle", "calf", "knee"),
            "toe": ("round", "pointed", "square"),
            "heel": ("flat", "block", "stiletto", "wedge"),
            "heel_color": NEUTRAL,
            "sole": ("flat", "chunky"),
            "closure": (NONE, "laces", "side-zip", "elastic", "buckles"),
            "hardware": METAL,
            "cuff": (NONE, NONE, "fur", "fold"),
        },
        ("shaft", "pattern"), _SHOE_VIEWS, "SHOES",
    ),
    SubCategory(
        "PUMPS", "SHOES", ("pumps", "heels", "court shoes"), _LEATHER,
        {
            "color": COLOR, "pattern_color": COLOR, "trim_color": _TRIMS,
            "pattern": (NONE,) * 5 + ("leopard", "dots", "floral", "checks"),
            "toe": ("round", "pointed", "square", "peep"),
            "heel": ("kitten", "block", "stiletto", "wedge"),
            "heel_color": (TONAL,) * 10 + COLOR,
            "sole_color": NEUTRAL,
            "strap": (NONE, "ankle", "mary-jane", "t-bar"),
            "ornament": (NONE, "bow", "flower", "buckle"),
            "platform": (NONE, NONE, "platform"),
            "hardware": METAL,
        },
        ("pattern",), _SHOE_VIEWS, "SHOES",
    ),
    SubCategory(
        "HANDBAGS", "BAGS", ("bag", "handbag", "purse"), _LEATHER,
        {
            "color": COLOR, "pattern_color": COLOR, "trim_color": _TRIMS,
            "pattern": (NONE,) * 3 + ("quilted", "stripes", "checks", "dots",
                                      "colorblock", "leopard"),
            "shape": ("tote", "satchel", "bucket", "hobo", "round"),
            "handle": ("single", "double", "chain", "shoulder"),
            "closure": ("flap", "top-zip", "clasp", "buckles"),
            "hardware": METAL,
            "pocket": (NONE, "front-zip", "front-patch"),
            "tassel": (NONE, "tassel", "ball", "tag"),
            "base": (NONE, "studs", "panel"),
            "logo": (NONE, "plate", "stamp"),
        },
        ("pattern", "shape"), ("front", "quarter", "closeup", "back"), "BAGS",
    ),
)  # fmt: skip


def _distance(first: str, second: str) -> float:
    """Distance of two colours in RGB, green counted double, in 0 .. ~500."""
    a, b = (
        np.array([int(color_hex(name)[i : i + 2], 16) for i in (1, 3, 5)], float)
        for name in (first, second)
    )
    return float(np.sqrt(((a - b) ** 2 * (1, 2, 1)).sum()))


# Colours that must be seen on the main one, and those that also must be seen on
# a pattern of the second colour.
_ON_MAIN = ("button_color", "pattern_color", "graphic_color", "trim_color",
            "belt_color", "side_stripe", "stripe_color", "heel_tab", "sole_color",
            "heel_color")  # fmt: skip
_ON_PATTERN = ("graphic_color", "stripe_color")
_NEAR = 110.0


def _stands_out(name: str, value: str, values: Mapping[str, str]) -> bool:
    """Returns whether a second colour differs enough from what it lies on."""
    if value not in COLORS:
        return True
    if name in _ON_MAIN and _distance(value, values["color"]) < _NEAR:
        return False
    if name in _ON_PATTERN and "pattern_color" in values:
        return _distance(value, values["pattern_color"]) >= _NEAR
    return True


def _drop_meaningless(values: Dict[str, str]) -> None:
    """Leaves out what the other attributes make invisible, in place."""
    if values.get("pattern", NONE) in (NONE, "quilted"):
        values.pop("pattern_color", None)
    if values.get("graphic", NONE) == NONE:
        values.pop("graphic_color", None)
    if values.get("belt", NONE) == NONE:
        values.pop("belt_color", None)
    if values.get("sleeve") in ("sleeveless", "straps"):
        values.pop("sleeve_shape", None)
    if values.get("graphic", NONE) != NONE and values.get("pocket") == "chest":
        values["pocket"] = NONE
    if values.get("graphic", NONE) != NONE and values.get("length") == "cropped":
        # Below the print of a short body there is no room for pockets.
        values["pocket"] = NONE
    if values.get("closure") == "drawstring" and "belt" in values:
        values["belt"] = NONE
        values.pop("belt_color", None)
    if "strap" in values and values["strap"] == NONE:
        values.pop("hardware", None)
    if "shaft" in values and values["closure"] in (NONE, "elastic"):
        values.pop("hardware", None)
    if values.get("stripe", NONE) == NONE:
        values.pop("stripe_color", None)


def draw_attributes(
    subcategory: SubCategory, rng: np.random.Generator
) -> Dict[str, str]:
    """Draws the visible attributes of one product.

    Values are drawn independently, except that second colours keep a distance
    from the main one (a red star on a red shirt would not be visible) and that
    attributes of something absent are left out. `none` and `tonal` stay in the
    dict; no text names them.
    """
    values: Dict[str, str] = {}
    for name, choices in subcategory.attributes.items():
        value = choices[rng.integers(len(choices))]
        while not _stands_out(name, value, values):
            value = choices[rng.integers(len(choices))]
        values[name] = value
    _drop_meaningless(values)
    return values
