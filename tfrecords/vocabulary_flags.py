"""The flags that name a vocabulary: a file, the standard one, or one to be learnt."""

from __future__ import annotations

import os
from typing import Optional

from absl import flags, logging

from kaleido.catalogs.product import Catalog, Product, Scan
from kaleido.evenly import evenly
from kaleido.files import read_json
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


def learnt_pieces() -> Optional[int]:
    """Returns the size of the vocabulary that is to be learnt; None if none is."""
    return FLAGS.vocabulary_size if FLAGS.vocabulary == "learn" else None


def open_vocabulary(catalog: Catalog, scan: Scan, folder: str) -> Vocabulary:
    """Returns the vocabulary of the flags; writes nothing.

    Args:
        catalog, scan: whose training texts a vocabulary is learnt from.
        folder: of the binary's results. What was learnt for it before is taken from
            its `vocab.txt`; the binary writes that after it has claimed the folder
            for a job with `catalog` and `learnt_pieces`.

    Raises:
        FileNotFoundError, ValueError: see `load_vocabulary`.
    """
    if FLAGS.vocabulary != "learn":
        return load_vocabulary(FLAGS.vocabulary)
    path, job = (os.path.join(folder, name) for name in ("vocab.txt", "job.json"))
    # Without a job, or with that of other texts, the file is someone else's.
    asked = {"catalog": catalog.fingerprint, "learnt_pieces": learnt_pieces()}
    if os.path.exists(path) and os.path.exists(job):
        if asked.items() <= read_json(job).items():
            return load_vocabulary(path)
    rows = scan.rows["train"]
    rows = rows[evenly(len(rows), _MOST_TEXTS)]
    logging.info("learning a vocabulary from %d texts", len(rows))
    texts = (p.text for p in catalog.read(rows) if isinstance(p, Product))
    return learn_vocabulary(texts, FLAGS.vocabulary_size)
