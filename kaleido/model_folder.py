"""A model that people can take: a folder, and how it is used again.

MODEL/model.json says what is in it; MODEL/README.md is the card for people. Each part,
`search`, `caption`, `category`, `subcategory`, has a SavedModel in MODEL/<part>/export
and the run's weights, configuration and vocabulary in MODEL/<part>/run, which
`experiments.finetune --checkpoint` takes.
"""

from __future__ import annotations

import os
from typing import Any, Dict, List, Sequence, Union

import numpy as np
import tensorflow as tf
import tensorflow_text  # noqa: F401  (the tokenizer's op)

from kaleido.files import read_json

PARTS = ("search", "caption", "category", "subcategory")
# Models by name, and where the command that makes one leaves it.
NAMED = {
    "small-rendered": (
        os.path.join("runs", "quickstart", "published"),
        "python -m experiments.quickstart",
    ),
}

# Encoded bytes, or the path of a file that holds them.
Picture = Union[bytes, str, "os.PathLike[str]"]


def load(name: str) -> "PublishedModel":
    """Loads a published model.

    Args:
        name: its folder, or one of `NAMED`, which is looked for below the working
            directory.

    Raises:
        ValueError: if there is no published model.
    """
    folder = name
    if name in NAMED and not os.path.isdir(name):
        folder, command = NAMED[name]
        if not os.path.exists(os.path.join(folder, "model.json")):
            raise ValueError(
                f"{name} is not here yet: `{command}` makes it. Received: no {folder}"
            )
    if not os.path.exists(os.path.join(folder, "model.json")):
        raise ValueError(
            f"{folder} holds no published model (no model.json), see "
            "`python -m experiments.publish`."
        )
    return PublishedModel(folder)


class PublishedModel:
    """A published model, for pictures and texts of any number.

    Args:
        folder: of `experiments.publish`.

    Attributes:
        description: the content of `model.json`.
        parts: of `PARTS`, those that it has.
    """

    # Pictures that are read at a time.
    _BATCH = 32

    def __init__(self, folder: str):
        self._folder = folder
        self.description: Dict[str, Any] = read_json(os.path.join(folder, "model.json"))
        self.parts: List[str] = list(self.description["parts"])
        self._loaded: Dict[str, Any] = {}

    def embed_images(self, pictures: Sequence[Picture]) -> np.ndarray:
        """Returns unit vectors of pictures, float32 [n, size]."""
        return self._run("search", "embed_image", "vector", images=_encoded(pictures))

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Returns unit vectors of texts, float32 [n, size]."""
        return self._run("search", "embed_text", "vector", texts=list(texts))

    def match(self, pictures: Sequence[Picture], texts: Sequence[str]) -> np.ndarray:
        """Returns the probabilities that picture i and text i belong together,
        float32 [n]."""
        return self._run(
            "search", "serving_default", "match_probability",
            images=_encoded(pictures), texts=list(texts),
        )

    def caption(self, pictures: Sequence[Picture]) -> List[str]:
        """Returns captions of pictures."""
        found = self._run(
            "caption", "serving_default", "caption", images=_encoded(pictures)
        )
        return [caption.decode("utf-8") for caption in found]

    def classify(
        self, task: str, pictures: Sequence[Picture] = (), texts: Sequence[str] = ()
    ) -> List[str]:
        """Returns the classes of products.

        Args:
            task: `category` or `subcategory`.
            pictures, texts: of each product, what the part was trained to see.
        """
        inputs: Dict[str, Sequence] = {}
        if len(pictures):
            inputs["images"] = _encoded(pictures)
        if len(texts):
            inputs["texts"] = list(texts)
        found = self._run(task, "serving_default", "class", **inputs)
        return [name.decode("utf-8") for name in found]

    def _run(self, part: str, signature: str, output: str, **inputs) -> np.ndarray:
        if part not in self.parts:
            raise ValueError(
                f"The model has no part {part!r}. Received: {self.parts} in "
                f"{self._folder}"
            )
        if part not in self._loaded:
            path = os.path.join(self._folder, part, "export")
            self._loaded[part] = tf.saved_model.load(path)
        signatures = self._loaded[part].signatures
        if signature not in signatures:
            raise ValueError(
                f"{self._folder} was not trained for {signature!r}. Received: "
                f"signatures {sorted(signatures)}"
            )
        function = signatures[signature]
        wanted = set(function.structured_input_signature[1])
        if wanted != set(inputs):
            raise ValueError(
                f"The part {part!r} sees {sorted(wanted)}. Received: {sorted(inputs)}"
            )

        counts = {name: len(values) for name, values in inputs.items()}
        if len(set(counts.values())) > 1:
            raise ValueError(f"A text for each picture. Received: {counts}")

        def batch(start):
            rows = slice(start, start + self._BATCH)
            return {k: tf.constant(v[rows], tf.string) for k, v in inputs.items()}

        count = max(counts.values())
        starts = range(0, max(count, 1), self._BATCH)
        return np.concatenate([function(**batch(n))[output].numpy() for n in starts])


def _encoded(pictures: Sequence[Picture]) -> List[bytes]:
    def read(picture):
        if isinstance(picture, bytes):
            return picture
        with open(picture, "rb") as file:
            return file.read()

    return [read(picture) for picture in pictures]
