"""Products to examples: lock the object, crop, embed, tokenise, align, plan."""

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
from absl import logging

from kaleido import masking, patches, records
from kaleido.alignment_generator import AlignmentGenerator
from kaleido.backbones import (
    build_feature_extractor,
    frozen_extractor,
    weights_fingerprint,
)
from kaleido.catalogs.product import Product, Rejection
from kaleido.grid_features import object_crop
from kaleido.picture_features import crop_picture, embed_crops
from kaleido.picture_pipeline import PicturePipeline
from kaleido.text import Tokenizer, Vocabulary, text_key

# Longest side of the picture that is kept in a record, for reports only.
THUMBNAIL_SIDE = 112


@dataclasses.dataclass(frozen=True)
class Example:
    """A finished example of one catalogue row, and what a report shows of it.

    Attributes:
        row, serialized, product: the row, its record, what it was made of.
        box, is_whole, mask: see `foreground.Foreground`.
        token_ids, alignments, token_plans, patch_plans: as in the record.
        alignment_maps, caption_ids, caption_maps: see `AlignmentGenerator`; None
            without.
        has_alignment: whether any word is aligned.
        has_caption: whether the generated caption has a word; None without one.
    """

    row: int
    serialized: bytes
    product: Product
    box: np.ndarray
    is_whole: bool
    mask: np.ndarray
    token_ids: np.ndarray
    alignments: np.ndarray
    token_plans: np.ndarray
    patch_plans: np.ndarray
    alignment_maps: np.ndarray | None = None
    caption_ids: np.ndarray | None = None
    caption_maps: np.ndarray | None = None
    has_caption: bool | None = None

    @property
    def has_alignment(self) -> bool:
        return bool((self.alignments >= 0).any())


class Preprocessor:
    """Turns units of catalogue rows into examples, lazily and in order.

    Args:
        vocabulary: word pieces of the texts.
        layout, backbone, saliency_method, crop_size, whole_crop_size,
            max_tokens, num_plans, seed: see `records.RecordSpec`.
        backbone_weights: see `backbones.build_feature_extractor`.
        saliency_weights: see `saliency.load_saliency`.
        alignment: one of `alignment.METHODS`.
        aligner: folder of `experiments.train_captioner`, for methods but `none`.
        guided: whether alignments guide the mask plans (AGM).
        batch_size: pictures that go through the backbone together.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        layout: str = "kaleido",
        backbone: str = "efficientnet_lite0",
        backbone_weights: str | None = None,
        saliency_method: str = "unet",
        saliency_weights: str | None = None,
        alignment: str = "none",
        aligner: str | None = None,
        guided: bool = True,
        crop_size: int = 64,
        whole_crop_size: int = 128,
        max_tokens: int = 64,
        num_plans: int = 10,
        seed: int = 0,
        batch_size: int = 16,
    ):
        self._pipeline = PicturePipeline(saliency_method, saliency_weights, batch_size)
        self._align = None
        if alignment != "none":
            if not aligner:
                raise ValueError(
                    f"The alignment method {alignment!r} needs the folder of a trained "
                    "captioner, see `python -m experiments.train_captioner`."
                )
            self._align = AlignmentGenerator(alignment, aligner, vocabulary)
            here = {
                "saliency": saliency_method,
                "saliency_fingerprint": self._pipeline.saliency_fingerprint,
            }
            # Older files do not say it.
            there = {**here, **self._align.made_of}
            if any(there[name] != value for name, value in here.items()):
                logging.warning(
                    "%s was trained on objects found by --saliency=%s (weights %s); "
                    "these records find them by %s (weights %s), so that it sees other "
                    "crops than it has learnt.",
                    aligner, there["saliency"], there["saliency_fingerprint"] or "none",
                    saliency_method, here["saliency_fingerprint"] or "none",
                )
        self._extractor = build_feature_extractor(backbone, backbone_weights)
        self._tokenizer = Tokenizer(vocabulary)
        self.vocabulary = vocabulary
        self.spec = records.RecordSpec(
            layout=layout,
            backbone=backbone,
            backbone_fingerprint=weights_fingerprint(self._extractor),
            feature_size=int(self._extractor.output_shape[-1]),
            crop_size=crop_size,
            whole_crop_size=whole_crop_size,
            saliency=saliency_method,
            saliency_fingerprint=self._pipeline.saliency_fingerprint,
            vocabulary_fingerprint=vocabulary.fingerprint,
            vocab_size=len(vocabulary),
            max_tokens=max_tokens,
            num_plans=num_plans,
            alignment=alignment,
            aligner_fingerprint=self._align.fingerprint if self._align else "",
            masking="agm" if self._align and guided else "random",
            seed=seed,
        )
        self.extract = frozen_extractor(
            self._extractor, {crop_size, whole_crop_size}
        )

    @property
    def batch_size(self) -> int:
        """Pictures that go through the backbone together."""
        return self._pipeline.batch_size

    def crop_picture(self, image: tf.Tensor, box: tf.Tensor) -> Dict[str, tf.Tensor]:
        """Cuts one picture's patches (graph code)."""
        cropped = crop_picture(image, box, self.spec)
        size = tf.cast(cropped["picture_size"], tf.float32)
        size *= tf.minimum(THUMBNAIL_SIDE / tf.reduce_max(size), 1.0)
        small = tf.image.resize(
            image, tf.maximum(tf.cast(tf.round(size), tf.int32), 1), antialias=True
        )
        if self._align:
            cropped["object"] = object_crop(image, box)
        return {
            **cropped,
            "thumbnail": tf.io.encode_jpeg(patches.to_uint8(small), quality=85),
        }

    def embed_batch(self, batch: Mapping[str, tf.Tensor]) -> Dict[str, tf.Tensor]:
        """Embeds, tokenises, aligns and plans a batch of pictures (graph code)."""
        layout, spec = self.spec.patch_layout, self.spec
        token_ids, rows = self._tokenizer(batch["text"], spec.max_tokens), batch["row"]
        seed = tf.constant(spec.seed, rows.dtype)
        unaligned = tf.fill([*tf.unstack(tf.shape(token_ids)), 3], -1)
        aligned = {
            "alignments": unaligned,
            "alignment_scores": tf.zeros(tf.shape(unaligned)),
        }
        if self._align:
            aligned = self._align(self._align.grid(batch["object"]), token_ids)
        guides = aligned["alignments"] if spec.masking == "agm" else unaligned
        plans = masking.plans(
            token_ids,
            guides,
            tf.constant(self.vocabulary.is_continuation),
            tf.constant(self.vocabulary.is_special),
            layout,
            spec.num_plans,
            tf.stack([tf.fill(tf.shape(rows), seed), rows], axis=1),
        )
        passed = ("row", "box", "is_whole", "mask", "picture_size", "thumbnail")
        return {
            **{name: batch[name] for name in passed},
            **plans,
            **aligned,
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
        batches = self._pipeline.batches(
            read, units, self.crop_picture, self.embed_batch
        )
        for unit, (batch, products, rejected) in batches:
            finished = [
                self._finish(batch, i, int(batch["row"][i]), product)
                for i, product in enumerate(products)
            ]
            yield unit, [*finished, *rejected]

    def _finish(self, batch, i, row, product) -> Example:
        arrays = {
            name: batch[name][i]
            for name in (
                "features", "patch_boxes", "picture_size", "token_ids", "alignments",
                "alignment_scores", "token_plans", "patch_plans", "thumbnail",
            )
        }
        strings = {
            "product_id": product.product_id,
            "image_id": product.image_id,
            "text": product.text,
            "category": product.category,
            "subcategory": product.subcategory,
            "labels": json.dumps(dict(product.labels), sort_keys=True),
            "generated_caption": self._tokenizer.decode(
                batch["caption_ids"][i] if "caption_ids" in batch else ()
            ),
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
            is_whole=bool(batch["is_whole"][i]),
            mask=batch["mask"][i],
            **{
                name: batch[name][i]
                for name in ("token_ids", "alignments", "token_plans", "patch_plans")
            },
            **{
                name: batch[name][i]
                for name in ("alignment_maps", "caption_ids", "caption_maps")
                if name in batch
            },
            has_caption=bool(
                (~self.vocabulary.is_special[batch["caption_ids"][i]]).any()
            ) if "caption_ids" in batch else None,
        )
