"""The flags that name a vocabulary: a file, the standard one, or one to be learnt."""

from __future__ import annotations

import os

from absl import flags, logging

from kaleido.catalogs.product import Catalog, Product, Scan
from kaleido.evenly import evenly
from kaleido.text import Vocabulary, learn_vocabulary, load_vocabulary

FLAGS = flags.FLAGS

# Texts that a vocabulary is learnt from; more change it little.
_MOST_TEXTS = 100_000


def define() -> None:
    """Defines the flags."""
    flags.DEFINE_string(
        "vocabulary", "",
        "A vocab.txt; `learn` learns one from the training texts; default: the "
        "standard uncased English one.",
    )
    flags.DEFINE_integer(
        "vocabulary_size", 8000, "Pieces of a learnt vocabulary.", lower_bound=1
    )


def open_vocabulary(catalog: Catalog, scan: Scan, folder: str) -> Vocabulary:
    """Returns the vocabulary of the flags.

    Args:
        catalog, scan: whose training texts a vocabulary is learnt from.
        folder: of the binary's results. Its `vocab.txt`, which the binary writes, is
            taken where a vocabulary has been learnt before.

    Raises:
        FileNotFoundError, ValueError: see `load_vocabulary`.
    """
    if FLAGS.vocabulary != "learn":
        return load_vocabulary(FLAGS.vocabulary)
    path = os.path.join(folder, "vocab.txt")
    if os.path.exists(path):
        return load_vocabulary(path)
    rows = scan.rows["train"]
    rows = rows[evenly(len(rows), _MOST_TEXTS)]
    logging.info("learning a vocabulary from %d texts", len(rows))
    texts = (p.text for p in catalog.read(rows) if isinstance(p, Product))
    return learn_vocabulary(texts, FLAGS.vocabulary_size)
