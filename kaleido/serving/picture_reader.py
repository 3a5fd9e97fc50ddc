"""Encoded pictures to what the networks see of them, in one graph."""

from __future__ import annotations

from typing import Dict, List

import tensorflow as tf

from kaleido import patches, saliency
from kaleido.backbones import build_feature_extractor, weights_fingerprint
from kaleido.foreground import lock_object, needs_network
from kaleido.picture_features import crop_picture, embed_crops
from kaleido.records import RecordSpec
from kaleido.weights_file import file_fingerprint


class PictureReader:
    """Decodes, finds the object, cuts and embeds, as the records were made.

    Args:
        spec: of the records that networks were trained on.
        position_units: of the patch positions.
        backbone_weights: see `backbones.build_feature_extractor`.
        saliency_weights: see `saliency.load_saliency`.

    Raises:
        ValueError: if the weights of backbone or saliency network are not those
            of the records.
    """

    def __init__(
        self,
        spec: RecordSpec,
        position_units: str,
        backbone_weights: str | None = None,
        saliency_weights: str | None = None,
    ):
        self._spec = spec
        self._position_units = position_units
        # Requests bring no masks; what has none is the network's.
        self._method = "unet" if spec.saliency == "mask" else spec.saliency
        self._saliency = None
        if needs_network(self._method):
            found = file_fingerprint(saliency_weights or saliency.PACKAGED)
            if found != spec.saliency_fingerprint:
                raise ValueError(
                    "The records were made with the saliency weights "
                    f"{spec.saliency_fingerprint}. Received: {found}"
                )
            self._saliency = saliency.load_saliency(saliency_weights)
        self._extractor = build_feature_extractor(spec.backbone, backbone_weights)
        fingerprint = weights_fingerprint(self._extractor)
        if fingerprint != spec.backbone_fingerprint:
            raise ValueError(
                f"The records were made with {spec.backbone} weights "
                f"{spec.backbone_fingerprint}. Received: {fingerprint}"
            )

    @property
    def variables(self) -> List[tf.Variable]:
        return self._extractor.variables

    def __call__(self, images: tf.Tensor) -> Dict[str, tf.Tensor]:
        """Reads pictures.

        Args:
            images: string [n], JPEG or PNG bytes.

        Returns:
            `patch_features` float32 [n, patches, feature_size], `patch_positions`
            float32 [n, patches, 5].
        """
        spec, layout = self._spec, self._spec.patch_layout
        shapes = {
            "box": tf.TensorSpec([4], tf.int32),
            "picture_size": tf.TensorSpec([2], tf.int32),
        }
        side, whole, parts = spec.crop_size, spec.whole_crop_size, layout.num_patches
        if 1 in layout.levels:
            parts -= 1
            shapes["whole"] = tf.TensorSpec([1, whole, whole, 3], tf.uint8)
        shapes["parts"] = tf.TensorSpec([parts, side, side, 3], tf.uint8)

        def crop(encoded):
            image = patches.decode_picture(encoded)
            probability = None
            if self._saliency:
                probability = self._saliency(saliency.squeeze(image)[None])[0]
            box = lock_object(image, self._method, probability=probability).box
            cropped = {"box": box, **crop_picture(image, box, spec, clean_only=True)}
            return {name: cropped[name] for name in shapes}

        batch = tf.map_fn(crop, images, fn_output_signature=shapes)
        features = embed_crops(
            batch, lambda crops: self._extractor(tf.cast(crops, tf.float32))
        )
        boxes = patches.patch_boxes(batch["box"], layout)
        height, width = batch["picture_size"][:, :1], batch["picture_size"][:, 1:]
        return {
            # Records hold half precision; the networks have seen no other.
            "patch_features": tf.cast(tf.cast(features, tf.float16), tf.float32),
            "patch_positions": patches.patch_positions(
                boxes, height, width, self._position_units
            ),
        }
