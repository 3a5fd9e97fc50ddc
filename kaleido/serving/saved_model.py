"""One SavedModel that takes picture bytes and strings.

Tokenizer, saliency, crops, backbone and Kaleido-BERT in one graph. Whoever
loads it needs TensorFlow and tensorflow_text (for the tokenizer's op), nothing
of ours.
"""

from __future__ import annotations

import os
import shutil
import types
from typing import Collection, Dict

import tensorflow as tf
from absl import logging

from kaleido import patches, saliency
from kaleido.backbones import build_feature_extractor, weights_fingerprint
from kaleido.foreground import lock_object, needs_network
from kaleido.models import Networks
from kaleido.picture_features import crop_picture, embed_crops
from kaleido.records import RecordSpec
from kaleido.text import Tokenizer, Vocabulary
from kaleido.weights_file import file_fingerprint

_BYTES = tf.TensorSpec([None], tf.string)


class ServingModule(tf.Module):
    """Signatures of an exported Kaleido-BERT.

    Args:
        networks: trained, built in float32.
        spec: of the records they were trained on.
        vocabulary: the word pieces.
        position_units: of the patch positions.
        backbone_weights: see `backbones.build_feature_extractor`.
        saliency_weights: see `saliency.load_saliency`.

    Raises:
        ValueError: if the weights of backbone or saliency network are not those
            of the records.
    """

    def __init__(
        self,
        networks: Networks,
        spec: RecordSpec,
        vocabulary: Vocabulary,
        position_units: str,
        backbone_weights: str | None = None,
        saliency_weights: str | None = None,
    ):
        super().__init__()
        # In a plain namespace TensorFlow does not look for what to save, and the
        # file holds three graphs and the weights, not every Keras layer's calls.
        self._plain = types.SimpleNamespace()
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
        extractor = build_feature_extractor(spec.backbone, backbone_weights)
        fingerprint = weights_fingerprint(extractor)
        if fingerprint != spec.backbone_fingerprint:
            raise ValueError(
                f"The records were made with {spec.backbone} weights "
                f"{spec.backbone_fingerprint}. Received: {fingerprint}"
            )
        plain = self._plain
        plain.extractor, plain.tokenizer = extractor, Tokenizer(vocabulary)
        plain.text, plain.image = networks.text, networks.image
        plain.match = tf.keras.Model(networks.joint.input, networks.joint.output["itm"])
        self._weights = [
            variable
            for model in (extractor, plain.text, plain.image, plain.match)
            for variable in model.variables
        ]

    def _patches(self, images: tf.Tensor) -> Dict[str, tf.Tensor]:
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
            batch, lambda crops: self._plain.extractor(tf.cast(crops, tf.float32))
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

    def _token_ids(self, texts: tf.Tensor) -> Dict[str, tf.Tensor]:
        return {"token_ids": self._plain.tokenizer(texts, self._spec.max_tokens)}

    @tf.function(input_signature=[_BYTES, _BYTES])
    def match(self, images, texts):
        """Probabilities that picture i and text i belong together.

        Args:
            images: string [n], JPEG or PNG bytes.
            texts: string [n], UTF-8.

        Returns:
            `match_probability` float32 [n].
        """
        pictures, words = self._patches(images), self._token_ids(texts)
        inputs = {**pictures, **words}
        count = tf.shape(texts)[0]
        if "similarity" in self._plain.match.input:
            products = self._plain.image(pictures) * self._plain.text(words)
            inputs["similarity"] = tf.reduce_sum(products, axis=1)
        for name, tensor in self._plain.match.input.items():
            if name not in inputs:
                # Heads that match ignores still name their slots.
                inputs[name] = tf.zeros([count, tensor.shape[1] or 1], tf.int32)
        return {"match_probability": tf.sigmoid(self._plain.match(inputs))}

    @tf.function(input_signature=[_BYTES])
    def embed_image(self, images):
        """Unit vectors of pictures: `vector` float32 [n, contrastive_size]."""
        return {"vector": self._plain.image(self._patches(images))}

    @tf.function(input_signature=[_BYTES])
    def embed_text(self, texts):
        """Unit vectors of texts: `vector` float32 [n, contrastive_size]."""
        return {"vector": self._plain.text(self._token_ids(texts))}


def export_saved_model(
    module: ServingModule, directory: str, tasks: Collection[str]
) -> None:
    """Writes the SavedModel; the folder appears whole or not at all.

    Signatures: `serving_default` (`images`, `texts`) if the run trained `itm`,
    `embed_image` and `embed_text` if it trained `contrastive`.

    Args:
        module: what to write.
        directory: where to.
        tasks: names of the tasks that were trained.

    Raises:
        ValueError: if the run trained neither task, or the folder holds
            something else than a SavedModel.
    """
    signatures = {}
    if "itm" in tasks:
        signatures["serving_default"] = module.match
    if "contrastive" in tasks:
        signatures["embed_image"] = module.embed_image
        signatures["embed_text"] = module.embed_text
    if not signatures:
        raise ValueError(
            "The run trained neither `itm` nor `contrastive`: nothing to serve. "
            f"Received: tasks={sorted(tasks)}"
        )
    if len(signatures) < 3:
        logging.warning(
            "Of the signatures the run trained %s alone.", ", ".join(signatures)
        )
    if os.path.isdir(directory) and os.listdir(directory):
        if not os.path.exists(os.path.join(directory, "saved_model.pb")):
            raise ValueError(
                f"{directory} holds other files than a SavedModel; it would be "
                f"replaced. Received: {sorted(os.listdir(directory))[:5]}"
            )
    temporary = f"{directory.rstrip('/')}.tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    tf.saved_model.save(
        module,
        temporary,
        signatures=signatures,
        options=tf.saved_model.SaveOptions(experimental_custom_gradients=False),
    )
    shutil.rmtree(directory, ignore_errors=True)
    os.replace(temporary, directory)
