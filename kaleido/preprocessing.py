"""Products to examples: decode, lock the object, crop, embed, tokenise, plan.

One tf.data graph does all of it: pictures are decoded and cropped in parallel,
and the backbone sees the crops of many pictures at once.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import (
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

from kaleido import masking, patches, records, saliency
from kaleido.backbones import (
    build_feature_extractor,
    frozen_extractor,
    weights_fingerprint,
)
from kaleido.catalogs.product import Product, Rejection
from kaleido.picture_features import crop_picture, embed_crops
from kaleido.text import Tokenizer, Vocabulary, text_key

# Longest side of the picture that is kept in a record, for reports only.
THUMBNAIL_SIDE = 112


@dataclasses.dataclass(frozen=True)
class Example:
    """A finished example of one catalogue row, and what a report shows of it."""

    row: int
    serialized: bytes
    product: Product
    box: np.ndarray
    whole_picture: bool
    token_ids: np.ndarray


class Preprocessor:
    """Turns units of catalogue rows into examples, lazily and in order.

    Args:
        vocabulary: word pieces of the texts.
        layout, backbone, saliency_method, crop_size, whole_crop_size,
            max_tokens, num_plans, seed: see `records.RecordSpec`.
        backbone_weights: see `backbones.build_feature_extractor`.
        batch_size: pictures that go through the backbone together.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        layout: str = "kaleido",
        backbone: str = "efficientnet_lite0",
        backbone_weights: str | None = None,
        saliency_method: str = "mask",
        crop_size: int = 64,
        whole_crop_size: int = 128,
        max_tokens: int = 64,
        num_plans: int = 10,
        seed: int = 0,
        batch_size: int = 16,
    ):
        if saliency_method not in saliency.METHODS:
            raise ValueError(
                f"`saliency_method` must be one of {saliency.METHODS}. "
                f"Received: saliency_method={saliency_method!r}"
            )
        self._extractor = build_feature_extractor(backbone, backbone_weights)
        self._tokenizer = Tokenizer(vocabulary)
        self.batch_size = batch_size
        self.vocabulary = vocabulary
        self.spec = records.RecordSpec(
            layout=layout,
            backbone=backbone,
            backbone_fingerprint=weights_fingerprint(self._extractor),
            feature_size=int(self._extractor.output_shape[-1]),
            crop_size=crop_size,
            whole_crop_size=whole_crop_size,
            saliency=saliency_method,
            vocabulary_fingerprint=vocabulary.fingerprint,
            vocab_size=len(vocabulary),
            max_tokens=max_tokens,
            num_plans=num_plans,
            masking="random",
            alignment="none",
            seed=seed,
        )
        self.extract = frozen_extractor(
            self._extractor, {crop_size, whole_crop_size}
        )

    def crop_picture(self, element: Mapping[str, tf.Tensor]) -> Dict[str, tf.Tensor]:
        """Decodes one picture, locks its object and cuts its patches (graph code)."""
        cropped = crop_picture(
            element["image"], element["mask"], self.spec, self.spec.saliency
        )
        image = cropped.pop("image")
        size = tf.cast(cropped["picture_size"], tf.float32)
        size *= tf.minimum(THUMBNAIL_SIDE / tf.reduce_max(size), 1.0)
        small = tf.image.resize(
            image, tf.maximum(tf.cast(tf.round(size), tf.int32), 1), antialias=True
        )
        return {
            **{k: element[k] for k in ("unit", "row", "text")},
            **cropped,
            "thumbnail": tf.io.encode_jpeg(patches.to_uint8(small), quality=85),
        }

    def embed_batch(self, batch: Mapping[str, tf.Tensor]) -> Dict[str, tf.Tensor]:
        """Embeds, tokenises and plans a batch of cropped pictures (graph code)."""
        layout, spec = self.spec.patch_layout, self.spec
        token_ids = self._tokenizer(batch["text"], spec.max_tokens)
        first = batch["row"][0]
        plans = masking.random_plans(
            token_ids,
            tf.constant(self.vocabulary.is_continuation),
            tf.constant(self.vocabulary.is_special),
            layout,
            spec.num_plans,
            tf.stack([tf.constant(spec.seed, tf.int64), first]),
        )
        passed = ("unit", "row", "box", "whole_picture", "picture_size", "thumbnail")
        return {
            **{k: batch[k] for k in passed},
            **plans,
            "features": tf.cast(embed_crops(batch, self.extract), tf.float16),
            "patch_boxes": patches.patch_boxes(batch["box"], layout),
            "token_ids": token_ids,
        }

    def examples(
        self,
        read: Callable[[Sequence[int]], Iterable[Union[Product, Rejection]]],
        units: Sequence[np.ndarray],
    ) -> Iterator[Tuple[int, List[Union[Example, Rejection]]]]:
        """Yields batches of finished examples, unit by unit.

        Args:
            read: `Catalog.read`.
            units: row indices of each unit.

        Yields:
            Pairs (unit, items). Rows that a catalogue rejects, and pictures
            that cannot be decoded, come as rejections. Every row of every
            unit comes exactly once, and units come in order; a unit without
            rows yields nothing.
        """
        products: Dict[int, Product] = {}
        failures: List[Exception] = []
        rejected: Dict[int, List[Rejection]] = {u: [] for u in range(len(units))}

        def elements(unit):
            unit = int(unit)
            # `ignore_errors` below would swallow what the catalogue raises.
            try:
                yield from unit_elements(unit)
            except Exception as error:  # noqa: BLE001 - handed on, not handled
                failures.append(error)

        def unit_elements(unit):
            for row, item in zip(units[unit], read(units[unit])):
                if isinstance(item, Rejection):
                    rejected[unit].append(item)
                    continue
                products[int(row)] = item
                yield {
                    "unit": unit,
                    "row": int(row),
                    "image": item.image,
                    "mask": item.mask or b"",
                    "text": item.text,
                }

        signature = {
            "unit": tf.TensorSpec([], tf.int32),
            "row": tf.TensorSpec([], tf.int64),
            "image": tf.TensorSpec([], tf.string),
            "mask": tf.TensorSpec([], tf.string),
            "text": tf.TensorSpec([], tf.string),
        }

        def unit_batches(unit):
            # Batches never cross units: what a shard holds does not depend on
            # which shards are made in the same run.
            dataset = tf.data.Dataset.from_generator(
                elements, output_signature=signature, args=(unit,)
            )
            dataset = dataset.map(
                self.crop_picture, num_parallel_calls=tf.data.AUTOTUNE
            )
            return dataset.ignore_errors().batch(self.batch_size)

        dataset = tf.data.Dataset.range(len(units), output_type=tf.int32)
        options = tf.data.Options()
        # All cores at once; the tuning thread holds up the end for seconds.
        options.autotune.enabled = False
        dataset = dataset.flat_map(unit_batches).prefetch(2).with_options(options)
        # Not mapped: functions of a dataset run on one core's share of a CPU, and
        # never on a GPU.
        embed = tf.function(
            self.embed_batch, input_signature=[dataset.element_spec]
        )

        def leftovers(unit):
            if failures:
                raise failures[0]
            return self._leftovers(units[unit], finished, products, rejected[unit])

        last_unit, finished = 0, set()
        for cropped in dataset:
            batch = {name: value.numpy() for name, value in embed(cropped).items()}
            unit = int(batch["unit"][0])
            for earlier in range(last_unit, unit):
                yield earlier, leftovers(earlier)
            last_unit = unit
            items: List[Union[Example, Rejection]] = []
            for i, row in enumerate(batch["row"].tolist()):
                finished.add(row)
                items.append(self._finish(batch, i, row, products.pop(row)))
            yield unit, items
        for unit in range(last_unit, len(units)):
            yield unit, leftovers(unit)

    def _leftovers(self, rows, finished, products, rejected) -> List[Rejection]:
        """Returns a unit's rejections: the catalogue's, and undecodable pictures.

        Raises:
            RuntimeError: if a row is neither finished nor rejected.
        """
        undecodable = []
        for row in (int(r) for r in rows):
            if row in products and row not in finished:
                product = products.pop(row)
                undecodable.append(
                    Rejection(
                        row, product.image_id, "undecodable_picture",
                        _decoding_error(product.image),
                    )
                )
        rejected = sorted(rejected + undecodable, key=lambda r: r.row)
        accounted = finished.union(r.row for r in rejected)
        lost = [int(row) for row in rows if int(row) not in accounted]
        if lost:
            raise RuntimeError(f"The catalogue yielded nothing for rows {lost[:10]}.")
        finished.clear()
        return rejected

    def _finish(self, batch, i, row, product) -> Example:
        arrays = {
            name: batch[name][i]
            for name in (
                "features", "patch_boxes", "picture_size", "token_ids",
                "token_plans", "patch_plans", "thumbnail",
            )
        }
        strings = {
            "product_id": product.product_id,
            "image_id": product.image_id,
            "text": product.text,
            "category": product.category,
            "subcategory": product.subcategory,
            "labels": json.dumps(dict(product.labels), sort_keys=True),
        }
        picture = hashlib.sha256(product.image).digest()
        keys = {
            "record_key": records.stable_key(product.image_id),
            "product_key": records.stable_key(product.product_id),
            "text_key": text_key(product.text),
            "picture_key": int.from_bytes(picture[:8], "big") >> 1,
        }
        return Example(
            row=row,
            serialized=records.serialize_example(arrays, strings, keys),
            product=product,
            box=batch["box"][i],
            whole_picture=bool(batch["whole_picture"][i]),
            token_ids=batch["token_ids"][i],
        )


def _decoding_error(image: bytes) -> str:
    """Decodes a bad picture once more, alone, to learn what is wrong with it."""
    try:
        patches.decode_picture(tf.constant(image))
    except tf.errors.OpError as error:
        return str(error.message).split("\n")[0][:200]
    return "the picture's mask could not be decoded"
