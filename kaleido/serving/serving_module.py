"""What all exported models have in common."""

from __future__ import annotations

import types
from typing import Any, Callable, Dict, Sequence

import tensorflow as tf

from kaleido.models import Networks
from kaleido.records import RecordSpec
from kaleido.serving.picture_reader import PictureReader
from kaleido.text import Tokenizer, Vocabulary

# Encoded pictures, or texts.
BYTES = tf.TensorSpec([None], tf.string)


class ServingModule(tf.Module):
    """A trained model that takes picture bytes and strings; subclasses say what for.

    Args:
        networks: trained, built in float32.
        spec: of the records they were trained on.
        vocabulary: the word pieces.
        pictures: reads pictures as the records were made.
    """

    def __init__(
        self,
        networks: Networks,
        spec: RecordSpec,
        vocabulary: Vocabulary,
        pictures: PictureReader,
    ):
        super().__init__()
        # In a plain namespace TensorFlow does not look for what to save, and the
        # file holds graphs and weights, not every Keras layer's calls.
        self._plain = types.SimpleNamespace(
            networks=networks, pictures=pictures, tokenizer=Tokenizer(vocabulary)
        )
        self._max_tokens = spec.max_tokens

    @property
    def networks(self) -> Networks:
        """The networks it was made of."""
        return self._plain.networks

    @property
    def heads(self) -> Sequence[tf.keras.layers.Layer]:
        """What its task has on top of them."""
        return ()

    def save_variables_of(self, *parts: Any) -> None:
        """Says whose variables the file holds: those that the graphs use."""
        parts = (self._plain.pictures, *parts)
        self._weights = [variable for part in parts for variable in part.variables]

    def token_ids(self, texts: tf.Tensor) -> Dict[str, tf.Tensor]:
        """Returns `token_ids` int32 [n, max_tokens] of strings [n]."""
        return {"token_ids": self._plain.tokenizer(texts, self._max_tokens)}

    def signatures(self) -> Dict[str, Callable]:
        """Returns the functions to serve, by the name of their signature."""
        raise NotImplementedError
