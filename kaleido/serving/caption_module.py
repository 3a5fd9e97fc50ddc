"""Captions of pictures."""

from __future__ import annotations

from typing import Optional

import numpy as np
import tensorflow as tf

from kaleido.caption_context import CaptionContext
from kaleido.finetuning_config import BEAMS
from kaleido.generator import Generator
from kaleido.serving.serving_module import BYTES, ServingModule
from kaleido.text import Vocabulary


class CaptionModule(ServingModule):
    """A run that was fine-tuned for captions.

    Args:
        networks, spec, vocabulary, pictures: see `ServingModule`.
        generator: of the networks.
        context: what captions copy from, where they were trained to.
    """

    def __init__(
        self, networks, spec, vocabulary: Vocabulary, pictures, generator: Generator,
        context: Optional[CaptionContext],
    ):
        super().__init__(networks, spec, vocabulary, pictures)
        self._plain.generator = generator
        self._plain.context = context
        # Reserved pieces are not written.
        shown = np.where(vocabulary.is_special, "", vocabulary.pieces)
        self._pieces = tf.constant(shown.tolist())
        self.save_variables_of(
            networks.joint, *self.heads, *([context] if context else [])
        )

    @property
    def heads(self):
        return tuple(self._plain.generator.saved.values())

    @tf.function(input_signature=[BYTES])
    def caption(self, images):
        """Writes captions: beam search, four beams.

        Args:
            images: string [n], JPEG or PNG bytes.

        Returns:
            `caption` string [n], lower case, as the vocabulary writes it.
        """
        pictures = self._plain.pictures(images)
        features, context = pictures["patch_features"], None
        if self._plain.context:
            context = self._plain.context.texts(features)
        written = self._plain.generator.generate(
            features, pictures["patch_positions"], self._max_tokens, beams=BEAMS,
            context_ids=context,
        )
        words = tf.strings.reduce_join(
            tf.gather(self._pieces, written), axis=1, separator=" "
        )
        words = tf.strings.strip(tf.strings.regex_replace(words, " +", " "))
        return {"caption": tf.strings.regex_replace(words, " ##", "")}

    def signatures(self):
        return {"serving_default": self.caption}
