"""Catalogue rows to batches of locked pictures: read, decode, find the object, crop.

One tf.data graph: pictures are decoded and cropped in parallel, and networks see
the crops of many pictures at once.
"""

from __future__ import annotations

import re
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    Iterator,
    List,
    Mapping,
    Sequence,
    Tuple,
    Union,
)

import numpy as np
import tensorflow as tf

from kaleido import foreground, patches, saliency
from kaleido.catalogs.product import Product, Rejection
from kaleido.weights_file import file_fingerprint

Element = Mapping[str, tf.Tensor]
# A batch of numpy arrays with the products that it was made of, and rejections.
Batch = Tuple[Dict[str, np.ndarray], List[Product], List[Rejection]]


class PicturePipeline:
    """Turns units of catalogue rows into batches, lazily and in order.

    Args:
        saliency_method: one of `foreground.METHODS`.
        saliency_weights: see `saliency.load_saliency`.
        batch_size: pictures that go through a network together.

    Attributes:
        saliency_fingerprint: of the network's weights, empty without one.

    Raises:
        ValueError: if the method is unknown, or the weights file is damaged.
    """

    def __init__(
        self, saliency_method: str, saliency_weights: str | None, batch_size: int
    ):
        self.method, self.batch_size = saliency_method, batch_size
        self._saliency, self.saliency_fingerprint = None, ""
        if foreground.needs_network(saliency_method):
            path = saliency_weights or saliency.PACKAGED
            self._saliency = saliency.load_saliency(path)
            self.saliency_fingerprint = file_fingerprint(path)

    def batches(
        self,
        read: Callable[[Sequence[int]], Iterable[Union[Product, Rejection]]],
        units: Sequence[np.ndarray],
        crop: Callable[[tf.Tensor, tf.Tensor], Dict[str, tf.Tensor]],
        embed: Callable[[Element], Dict[str, tf.Tensor]],
    ) -> Iterator[Tuple[int, Batch]]:
        """Yields the batches of all units, unit by unit.

        Args:
            read: `Catalog.read`.
            units: row indices of each unit; a batch never crosses units, so what
                comes of one does not depend on the others.
            crop: (image uint8 [height, width, 3], locked box int32 [4]) -> what is
                needed of one picture, of fixed shapes (graph code).
            embed: a batch of what `crop` returned, with `unit`, `row`, `text`, and
                `box`, `is_whole`, `mask` of `foreground.Foreground` -> what is
                yielded (graph code).

        Yields:
            Pairs (unit, batch). Rows that a catalogue rejects, and pictures that
            cannot be decoded, come as rejections in a last batch of the unit, whose
            arrays are empty. Every row of every unit comes exactly once.

        Raises:
            RuntimeError: if the catalogue yields nothing for a row.
        """
        source = _Source(read, units)
        dataset = tf.data.Dataset.range(len(units), output_type=tf.int32)
        options = tf.data.Options()
        # All cores at once; the tuning thread holds up the end for seconds.
        options.autotune.enabled = False
        dataset = dataset.flat_map(lambda unit: self._locked(source, unit, crop))
        dataset = dataset.prefetch(2).with_options(options)
        # Not mapped: functions of a dataset run on one core's share of a CPU, and
        # never on a GPU.
        embed = tf.function(embed, input_signature=[dataset.element_spec])
        last_unit = 0
        for locked in dataset:
            unit = int(locked["unit"][0])
            for earlier in range(last_unit, unit):
                yield earlier, ({}, [], source.leftovers(earlier))
            last_unit = unit
            batch = {name: value.numpy() for name, value in embed(locked).items()}
            products = [source.finish(row) for row in locked["row"].numpy().tolist()]
            yield unit, (batch, products, [])
        for unit in range(last_unit, len(units)):
            yield unit, ({}, [], source.leftovers(unit))

    def _locked(self, source: _Source, unit, crop) -> tf.data.Dataset:
        dataset = tf.data.Dataset.from_generator(
            source.elements, output_signature=source.signature, args=(unit,)
        )
        parallel = {"num_parallel_calls": tf.data.AUTOTUNE}
        dataset = dataset.map(self._decode, **parallel).ignore_errors()
        if self._saliency:
            dataset = dataset.batch(self.batch_size).map(self._find_objects)
            dataset = dataset.prefetch(1).unbatch()

        def crop_one(element):
            (image,) = tf.raw_ops.OptionalGetValue(
                optional=element["image"], output_types=[tf.uint8],
                output_shapes=[[None, None, 3]],
            )
            locked = foreground.lock_object(
                image, self.method, element["mask"], element.get("probability")
            )
            passed = {name: element[name] for name in ("unit", "row", "text")}
            return {**passed, **locked._asdict(), **crop(image, locked.box)}

        dataset = dataset.map(crop_one, **parallel).ignore_errors()
        return dataset.batch(self.batch_size)

    def _decode(self, element: Element) -> Dict[str, tf.Tensor]:
        """Decodes a picture; its pixels travel as a handle.

        Pictures differ in size, so a batch of them is a batch of handles.
        """
        image = patches.decode_picture(element["image"])
        handle = tf.raw_ops.OptionalFromValue(components=[image])
        small = {"small": saliency.squeeze(image)} if self._saliency else {}
        return {**element, **small, "image": handle}

    def _find_objects(self, batch: Element) -> Dict[str, tf.Tensor]:
        """Asks the saliency network about a batch of pictures."""
        batch = dict(batch)
        small = batch.pop("small")
        asked = tf.constant(True)
        if self.method == "mask":
            asked = tf.reduce_any(tf.strings.length(batch["mask"]) == 0)
        shape = [tf.shape(small)[0], saliency.SIDE, saliency.SIDE]
        batch["probability"] = tf.cond(
            asked, lambda: self._saliency(small), lambda: tf.zeros(shape)
        )
        return batch


class _Source:
    """Hands a catalogue's products to a dataset, and accounts for every row."""

    signature = {
        "unit": tf.TensorSpec([], tf.int32),
        "row": tf.TensorSpec([], tf.int64),
        "image": tf.TensorSpec([], tf.string),
        "mask": tf.TensorSpec([], tf.string),
        "text": tf.TensorSpec([], tf.string),
    }

    def __init__(self, read, units: Sequence[np.ndarray]):
        self._read, self._units = read, units
        self._products: Dict[int, Product] = {}
        self._finished: set = set()
        self._rejected: List[List[Rejection]] = [[] for _ in units]
        self._failures: List[Exception] = []

    def elements(self, unit) -> Iterator[Dict[str, Any]]:
        unit = int(unit)
        try:
            for row, item in zip(self._units[unit], self._read(self._units[unit])):
                if isinstance(item, Rejection):
                    self._rejected[unit].append(item)
                    continue
                self._products[int(row)] = item
                yield {
                    "unit": unit,
                    "row": int(row),
                    "image": item.image,
                    "mask": item.mask or b"",
                    "text": item.text,
                }
        # `ignore_errors` would swallow what the catalogue raises.
        except Exception as error:  # noqa: BLE001 - handed on, not handled
            self._failures.append(error)

    def finish(self, row: int) -> Product:
        """Returns the product of a row that has come through."""
        self._finished.add(row)
        return self._products.pop(row)

    def leftovers(self, unit: int) -> List[Rejection]:
        """Returns a unit's rejections: the catalogue's, and undecodable pictures.

        Raises:
            RuntimeError: if a row is neither finished nor rejected.
        """
        if self._failures:
            raise self._failures[0]
        rows = [int(row) for row in self._units[unit]]
        rejected = list(self._rejected[unit])
        for row in rows:
            if row in self._products:
                product = self._products.pop(row)
                reason, detail = _why_lost(product)
                detail = f"{detail} Received: {product.image_id}"
                rejected.append(Rejection(row, product.image_id, reason, detail))
        accounted = self._finished.union(r.row for r in rejected)
        lost = [row for row in rows if row not in accounted]
        if lost:
            raise RuntimeError(f"The catalogue yielded nothing for rows {lost[:10]}.")
        self._finished.clear()
        return sorted(rejected, key=lambda r: r.row)


def _why_lost(product: Product) -> Tuple[str, str]:
    """Decodes a bad row once more, alone, to learn what is wrong with it."""
    try:
        image = patches.decode_picture(tf.constant(product.image))
    except tf.errors.OpError as error:
        return "undecodable_picture", _plainly(error)
    if product.mask is not None:
        try:
            foreground.decode_mask(tf.constant(product.mask), *image.shape[:2])
        except tf.errors.OpError as error:
            return "undecodable_mask", _plainly(error)
    return "uncroppable_picture", f"{image.shape[1]} x {image.shape[0]} pixels"


def _plainly(error: tf.errors.OpError) -> str:
    """What an error says, without the names of graph nodes around it."""
    line = str(error.message).split("\n")[0]
    return re.sub(r"\{\{.*?\}\}|\[Op:.*", "", line).strip()[:200]
