"""A model that people can take: a folder, and how it is used again.

MODEL/model.json says what is in it; MODEL/README.md is the card for people. Each part,
`search`, `caption`, `category`, `subcategory`, has a SavedModel in MODEL/<part>/export
and the run's weights, configuration and vocabulary in MODEL/<part>/run, which
`experiments.finetune --checkpoint` takes.
"""

from __future__ import annotations

import os
import reprlib
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
# A folder of models, each below its name.
MODELS_VARIABLE = "KALEIDO_MODELS"
# What this package lies in.
_CHECKOUT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# Encoded bytes, or the path of a file that holds them.
Picture = Union[bytes, str, "os.PathLike[str]"]


def load(name: str) -> "PublishedModel":
    """Loads a published model.

    Args:
        name: its folder, or one of `NAMED`, which is looked for in the folder that the
            environment's KALEIDO_MODELS names, then where its command leaves it, below
            the working directory or the checkout.

    Raises:
        ValueError: if there is no published model; says where it was looked for.
    """
    folder = name
    if name in NAMED and not os.path.isdir(name):
        folder = _find(name)
    if not _is_model(folder):
        raise ValueError(
            f"{folder} holds no published model (no model.json), see "
            "`python -m experiments.publish`."
        )
    return PublishedModel(folder)


def _find(name: str) -> str:
    """Returns the folder of one of `NAMED`."""
    relative, command = NAMED[name]
    places = [os.path.abspath(relative), os.path.join(_CHECKOUT, relative)]
    models = os.environ.get(MODELS_VARIABLE)
    if models:
        places.insert(0, os.path.join(models, name))
    found = [place for place in places if _is_model(place)]
    if not found:
        looked = ", ".join(dict.fromkeys(places))
        raise ValueError(
            f"{name} is not here yet: `{command}` makes it, or {MODELS_VARIABLE} names "
            f"the folder that it lies in. Received: nothing in {looked}"
        )
    return found[0]


def _is_model(folder: str) -> bool:
    return os.path.exists(os.path.join(folder, "model.json"))


class PublishedModel:
    """A published model, for pictures and texts of any number.

    Its methods take lists: one picture is a list of one, and a ValueError otherwise.

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
        return self._run("search", "embed_text", "vector", texts=_listed(texts))

    def match(self, pictures: Sequence[Picture], texts: Sequence[str]) -> np.ndarray:
        """Returns the probabilities that picture i and text i belong together,
        float32 [n]."""
        return self._run(
            "search", "serving_default", "match_probability",
            images=_encoded(pictures), texts=_listed(texts),
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
        given = {"images": _encoded(pictures), "texts": _listed(texts)}
        inputs = {name: values for name, values in given.items() if values}
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

    return [read(picture) for picture in _listed(pictures)]


def _listed(values: Sequence) -> List:
    """Returns a list; a text or a path alone would be taken for its letters."""
    if isinstance(values, (str, bytes, os.PathLike)):
        raise ValueError(
            f"It takes a list, of one where there is one. Received: "
            f"{reprlib.repr(values)}"
        )
    return list(values)
