"""Categories and sub-categories of products."""

from __future__ import annotations

from typing import Sequence

import tensorflow as tf

from kaleido.classifier import Classifier
from kaleido.serving.serving_module import BYTES, ServingModule


class ClassModule(ServingModule):
    """A run that was fine-tuned for classes.

    Args:
        networks, spec, vocabulary, pictures: see `ServingModule`.
        classifier: trained.
        names: of its classes, in order.
    """

    def __init__(
        self, networks, spec, vocabulary, pictures, classifier: Classifier,
        names: Sequence[str],
    ):
        super().__init__(networks, spec, vocabulary, pictures)
        self._plain.classifier = classifier
        self._names = tf.constant(list(names))
        self.save_variables_of(networks.joint, *self.heads)
        function, count = {
            "both": (self.classify, 2), "picture": (self.classify_images, 1),
            "text": (self.classify_texts, 1),
        }[classifier.inputs]
        # The others could not be traced.
        self._served = tf.function(function, input_signature=[BYTES] * count)

    @property
    def heads(self):
        return tuple(self._plain.classifier.saved.values())

    def _answer(self, inputs):
        probabilities = tf.nn.softmax(self._plain.classifier.answer(inputs))
        best = tf.argmax(probabilities, axis=1)
        return {
            "class": tf.gather(self._names, best), "probabilities": probabilities,
            "names": self._names,
        }

    def classify(self, images, texts):
        """Classes of products by picture and text.

        Args:
            images: string [n], JPEG or PNG bytes.
            texts: string [n], UTF-8.

        Returns:
            `class` string [n]; `probabilities` float32 [n, classes]; `names` string
            [classes].
        """
        return self._answer({**self._plain.pictures(images), **self.token_ids(texts)})

    def classify_images(self, images):
        """Classes by the picture alone; see `classify`."""
        blank = tf.fill(tf.shape(images), "")
        return self._answer({**self._plain.pictures(images), **self.token_ids(blank)})

    def classify_texts(self, texts):
        """Classes by the text alone; see `classify`."""
        return self._answer(self.token_ids(texts))

    def signatures(self):
        return {"serving_default": self._served}
