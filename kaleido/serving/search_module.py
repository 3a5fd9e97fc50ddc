"""Search: vectors of pictures and texts, and whether two belong together."""

from __future__ import annotations

from typing import Callable, Collection, Dict

import tensorflow as tf
from absl import logging

from kaleido.serving.serving_module import BYTES, ServingModule


class SearchModule(ServingModule):
    """A pre-trained run, or one that was fine-tuned for retrieval.

    Args:
        *args: of `ServingModule`.
        tasks: names of the tasks that the run trained.

    Raises:
        ValueError: if the run trained neither `itm` nor `contrastive`.
    """

    def __init__(self, *args, tasks: Collection[str]):
        super().__init__(*args)
        self._served = []
        if "itm" in tasks:
            self._served.append("serving_default")
        if "contrastive" in tasks:
            self._served += ["embed_image", "embed_text"]
        if not self._served:
            raise ValueError(
                "The run trained neither `itm` nor `contrastive`: nothing to serve. "
                f"Received: tasks={sorted(tasks)}"
            )
        if len(self._served) < 3:
            logging.warning(
                "Of the signatures the run trained %s alone.", ", ".join(self._served)
            )
        plain, joint = self._plain, self.networks.joint
        plain.text, plain.image = self.networks.text, self.networks.image
        plain.match = tf.keras.Model(joint.input, joint.output["itm"])
        self.save_variables_of(plain.text, plain.image, plain.match)

    @tf.function(input_signature=[BYTES, BYTES])
    def match(self, images, texts):
        """Probabilities that picture i and text i belong together.

        Args:
            images: string [n], JPEG or PNG bytes.
            texts: string [n], UTF-8.

        Returns:
            `match_probability` float32 [n].
        """
        pictures, words = self._plain.pictures(images), self.token_ids(texts)
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

    @tf.function(input_signature=[BYTES])
    def embed_image(self, images):
        """Unit vectors of pictures: `vector` float32 [n, size]."""
        return {"vector": self._plain.image(self._plain.pictures(images))}

    @tf.function(input_signature=[BYTES])
    def embed_text(self, texts):
        """Unit vectors of texts: `vector` float32 [n, size]."""
        return {"vector": self._plain.text(self.token_ids(texts))}

    def signatures(self) -> Dict[str, Callable]:
        functions = {
            "serving_default": self.match, "embed_image": self.embed_image,
            "embed_text": self.embed_text,
        }
        return {name: functions[name] for name in self._served}
