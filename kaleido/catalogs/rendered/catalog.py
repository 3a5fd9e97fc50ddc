"""The rendered catalogue: products that are drawn and described on demand."""

from __future__ import annotations

import hashlib
import io
from typing import Dict, Iterable, Iterator, Sequence, Tuple, Union

import numpy as np
from PIL import Image

from kaleido.catalogs.product import SPLITS, Part, Product, Rejection, Scan
from kaleido.catalogs.rendered.photo import take_photo
from kaleido.catalogs.rendered.raster import rasterize
from kaleido.catalogs.rendered.scene import View, compose, draw_view
from kaleido.catalogs.rendered.subcategories import (
    SUBCATEGORIES,
    SubCategory,
    draw_attributes,
)
from kaleido.catalogs.rendered.visibility import attribute_lists
from kaleido.catalogs.rendered.vocabulary import PARTS
from kaleido.catalogs.rendered.wording import TEXT_FIELDS, Span, Wording, write
from kaleido.catalogs.splits import hash_split

# Raise it with every change that changes a pixel or a word.
RENDERER_VERSION = 1
# A part of fewer pixels is as good as unseen.
_SMALLEST_PART = 4
# Streams of random numbers of one product.
_PRODUCT, _VIEW = 0, 1


class RenderedCatalog:
    """Drawn fashion products with exact masks and parts, for any seed and size.

    Product `i` of a seed is the same for any number of products and views and
    for any order of access. One row is one picture: rows `i * views` to
    `(i + 1) * views - 1` show product `i`. Sub-categories take turns, so they
    are balanced. A hanger or a dress form belongs to the background.

    Args:
        products: number of products.
        seed: another seed gives other products.
        views: pictures of each product.
        size: width and height of the pictures in pixels.
        split_shares: shares of train, validation and test products.
        text_fields: what `Product.text` holds: ("title", "description"), or
            only one of the two.
        ground_truth: whether to fill `mask` and `parts`.

    Example:
        >>> catalog = RenderedCatalog(products=100, seed=1)
        >>> product = next(catalog.read([0]))
        >>> product.subcategory
        'T-SHIRTS'
    """

    def __init__(
        self,
        products: int,
        seed: int = 0,
        views: int = 2,
        size: int = 256,
        split_shares: Sequence[float] = (0.8, 0.1, 0.1),
        text_fields: Sequence[str] = TEXT_FIELDS,
        ground_truth: bool = True,
    ):
        for name, value in (("products", products), ("views", views)):
            if value < 1:
                raise ValueError(
                    f"`{name}` must be at least 1. Received: {name}={value}"
                )
        if size < 32:
            raise ValueError(f"`size` must be at least 32. Received: size={size}")
        if seed < 0:
            raise ValueError(f"`seed` must not be negative. Received: seed={seed}")
        fields = tuple(text_fields)
        if fields not in (TEXT_FIELDS, ("title",), ("description",)):
            raise ValueError(
                "`text_fields` must be ('title', 'description') or one of the two. "
                f"Received: text_fields={fields}"
            )
        hash_split("", split_shares)
        self.products = products
        self.seed = seed
        self.views = views
        self.size = size
        self.split_shares = tuple(split_shares)
        self.text_fields = fields
        self.ground_truth = ground_truth

    def __len__(self) -> int:
        return self.products * self.views

    @property
    def fingerprint(self) -> str:
        """Hash of the arguments and of the renderer's version."""
        key = (
            "rendered", RENDERER_VERSION, self.products, self.seed, self.views,
            self.size, self.split_shares, self.text_fields, self.ground_truth,
        )  # fmt: skip
        return hashlib.sha256(repr(key).encode("utf-8")).hexdigest()

    def product_id(self, index: int) -> str:
        """Returns the id of a product."""
        return f"r{self.seed}-{index:07d}"

    def scan(self) -> Scan:
        """Returns the rows of each split; draws nothing."""
        rows: Dict[str, list] = {split: [] for split in SPLITS}
        for index in range(self.products):
            split = hash_split(self.product_id(index), self.split_shares)
            rows[split].extend(range(index * self.views, (index + 1) * self.views))
        return Scan(
            rows={split: np.array(rows[split], np.int64) for split in SPLITS},
            rejected=(),
            rows_read=len(self),
        )

    def read(self, rows: Iterable[int]) -> Iterator[Union[Product, Rejection]]:
        """Yields the product of each row, in order."""
        for row in rows:
            if not 0 <= row < len(self):
                raise IndexError(
                    f"`rows` must lie in 0 .. {len(self) - 1}. Received: row={row}"
                )
            yield self._draw(int(row) // self.views, int(row) % self.views)

    def _rng(self, index: int, *stream: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, index, *stream])

    def describe(self, index: int) -> Tuple[SubCategory, Dict[str, str], Wording]:
        """Returns sub-category, attributes and text of a product."""
        subcategory = SUBCATEGORIES[index % len(SUBCATEGORIES)]
        rng = self._rng(index, _PRODUCT)
        attributes = draw_attributes(subcategory, rng)
        return subcategory, attributes, write(subcategory, attributes, rng)

    def view(self, subcategory: SubCategory, index: int, number: int) -> View:
        """Returns how picture `number` of a product is taken.

        The first picture shows the front, straight or turned; the next ones go
        through the other views in an order of the product's own.
        """
        rng = self._rng(index, _VIEW, 0)
        first, second, *others = subcategory.views
        start = [first, second] if rng.random() < 0.65 else [second, first]
        rest = [start[1], *others]
        rng.shuffle(rest)
        names = [start[0], *rest]
        return draw_view(
            subcategory, names[number % len(names)], self._rng(index, _VIEW, number + 1)
        )

    def _draw(self, index: int, number: int) -> Product:
        subcategory, attributes, wording = self.describe(index)
        view = self.view(subcategory, index, number)
        rng = self._rng(index, _VIEW, number + 1, 1)
        drape = rng.uniform((0.2, 0.0, 0.1, 0.0), (0.7, 6.28, 0.4, 6.28))
        scene = compose(subcategory, attributes, view, self.size, drape)
        text, spans = wording.join(self.text_fields)
        flat = rasterize(scene.parts)
        image = take_photo(scene, view, attributes, flat, self.size, rng)
        shown = visible_parts(flat[..., 2], scene.names)
        is_whole = min(scene.box) >= 0 and max(scene.box) <= self.size
        mask, parts = None, ()
        if self.ground_truth:
            mask = encode_mask(flat[..., 2] > 0)
            parts = find_parts(flat[..., 2], scene.names, spans)
        product_id = self.product_id(index)
        return Product(
            product_id=product_id,
            image_id=f"{product_id}-{number}",
            image=image,
            text=text,
            title=wording.title,
            description=wording.description,
            category=subcategory.category,
            subcategory=subcategory.name,
            split=hash_split(product_id, self.split_shares),
            labels={
                **attributes, **wording.unseen, "department": subcategory.department,
                "view": view.name, "pose": view.pose, "background": view.backdrop,
                **attribute_lists(attributes, shown, is_whole, spans),
            },
            mask=mask,
            parts=parts,
        )  # fmt: skip


def encode_mask(foreground: np.ndarray) -> bytes:
    """Returns a bool [height, width] mask as PNG, 255 = foreground."""
    file = io.BytesIO()
    Image.fromarray(foreground.astype(np.uint8) * 255).save(
        file, "PNG", compress_level=1
    )
    return file.getvalue()


def visible_parts(numbers: np.ndarray, names: Sequence[str]) -> Tuple[str, ...]:
    """Returns the names of the parts that `find_parts` finds, without their boxes."""
    return tuple(name for _, name in _visible(numbers, names))


def _visible(numbers: np.ndarray, names: Sequence[str]) -> Iterator[Tuple[int, str]]:
    """Yields number and name of the parts of which enough is seen."""
    counts = np.bincount(numbers.ravel(), minlength=len(names) + 1)
    for number, name in enumerate(names, start=1):
        if counts[number] >= _SMALLEST_PART:
            yield number, name


def find_parts(
    numbers: np.ndarray, names: Sequence[str], spans: Sequence[Span]
) -> Tuple[Part, ...]:
    """Returns the visible parts.

    Args:
        numbers: uint8 [height, width], number of the part of each pixel; 0 is
            the background.
        names: the names of parts 1, 2, ...
        spans: the words of the text that speak of attributes.
    """
    parts = []
    for number, name in _visible(numbers, names):
        here = numbers == number
        rows, columns = (
            np.flatnonzero(here.any(axis=1)),
            np.flatnonzero(here.any(axis=0)),
        )
        box = (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
        words = sorted(
            (span.start, span.end) for span in spans if name in PARTS[span.attribute]
        )
        parts.append(Part(name, box, tuple(words)))
    return tuple(parts)
