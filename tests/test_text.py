"""Word pieces are BERT's; a text keeps its end mark; equal texts have equal keys."""

import itertools
import json

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from kaleido import text

PIECES = (
    *text.RESERVED, "navy", "knit", "##ted", "dress", "##es", "-", "v", "[unused1]",
)


@pytest.fixture(scope="module")
def small():
    return text.Tokenizer(text.Vocabulary(PIECES))


def pieces_of(tokenizer, string, max_tokens=16):
    ids = tokenizer(tf.constant([string]), max_tokens).numpy()[0]
    return [tokenizer.vocabulary.pieces[i] for i in ids if i]


# Vocabularies


def test_reserved_pieces_are_required_and_special():
    with pytest.raises(ValueError, match=r"\[SEP\]"):
        text.Vocabulary(("[PAD]", "[UNK]", "[CLS]", "[MASK]"))
    vocabulary = text.Vocabulary(PIECES)
    special = {p for p, s in zip(PIECES, vocabulary.is_special) if s}
    assert special == {*text.RESERVED, "[unused1]"}
    continuing = {p for p, c in zip(PIECES, vocabulary.is_continuation) if c}
    assert continuing == {"##ted", "##es"}


def test_a_vocabulary_survives_its_file(tmp_path):
    vocabulary = text.Vocabulary((*PIECES, "größe", "##\u2019"))
    path = str(tmp_path / "vocab.txt")
    vocabulary.save(path)
    loaded = text.load_vocabulary(path)
    assert loaded == vocabulary and loaded.fingerprint == vocabulary.fingerprint
    other = text.Vocabulary((*PIECES, "##\u2019", "größe"))
    assert other.fingerprint != vocabulary.fingerprint


def test_the_standard_vocabulary_is_berts(english):
    assert len(english) == 30522
    ids = [english.ids[p] for p in text.RESERVED]
    assert ids == [0, 100, 101, 102, 103]
    assert english.is_special.sum() == 5 + 994  # [unused0] to [unused993]


def test_a_learnt_vocabulary_keeps_a_shops_own_words():
    """German fashion: the standard vocabulary would cut these into letters."""
    colours = ("blaue", "rote", "schwarze", "weiße")
    garments = ("Strickjacke", "Lederstiefel", "Damenbluse", "Jeanshose")
    texts = [
        f"{colour} {garment} mit Knöpfen, Größe {size}"
        for colour, garment, size in itertools.product(colours, garments, range(34, 44))
    ]
    vocabulary = text.learn_vocabulary(texts, size=300)
    words = ("strickjacke", "lederstiefel", "damenbluse", "jeanshose", "schwarze")
    assert set(words) <= set(vocabulary.pieces)
    assert set(text.RESERVED) <= set(vocabulary.pieces)
    tokenizer = text.Tokenizer(vocabulary)
    # Accents go, as they do in the standard vocabulary.
    assert pieces_of(tokenizer, "Blaue STRICKJACKE mit Knöpfen") == [
        "[CLS]", "blaue", "strickjacke", "mit", "knopfen", "[SEP]",
    ]
    # A word that was never seen is spelled, not lost.
    spelled = pieces_of(tokenizer, "Damenhose")[1:-1]
    assert "[UNK]" not in spelled and len(spelled) > 1
    assert tokenizer.decode([vocabulary.ids[p] for p in spelled]) == "damenhose"


# Tokenizing


def test_pieces_by_hand(small):
    assert pieces_of(small, "Navy knitted V-dresses!") == [
        "[CLS]", "navy", "knit", "##ted", "v", "-", "dress", "##es", "[UNK]", "[SEP]",
    ]
    assert pieces_of(small, "") == ["[CLS]", "[SEP]"]


def test_the_standard_pieces_by_hand(english):
    tokenizer = text.Tokenizer(english)
    assert pieces_of(tokenizer, "Quechua Men's 100% Crème-brûlée T-Shirt", 20) == [
        "[CLS]", "que", "##chua", "men", "'", "s", "100", "%", "cr", "##eme", "-",
        "br", "##ule", "##e", "t", "-", "shirt", "[SEP]",
    ]


@given(words=st.integers(0, 30), max_tokens=st.integers(3, 20))
def test_a_long_text_loses_its_end_but_never_its_end_mark(words, max_tokens):
    tokenizer = _cached_tokenizer()
    ids = tokenizer(tf.constant(["navy " * words, "v"]), max_tokens).numpy()
    assert ids.shape == (2, max_tokens)
    kept = min(words, max_tokens - 2)
    navy, cls, sep = (tokenizer.vocabulary.ids[p] for p in ("navy", "[CLS]", "[SEP]"))
    expected = [cls] + [navy] * kept + [sep] + [0] * (max_tokens - kept - 2)
    assert ids[0].tolist() == expected


def _cached_tokenizer(cache=[]):  # noqa: B006 - hypothesis forbids the fixture
    if not cache:
        cache.append(text.Tokenizer(text.Vocabulary(PIECES)))
    return cache[0]


def test_decoding_joins_pieces_and_drops_the_frame(small):
    ids = small(tf.constant(["Navy knitted V-dresses"]), 16).numpy()[0]
    assert small.decode(ids) == "navy knitted v - dresses"
    # What is hidden or unknown stays visible.
    masked = [small.vocabulary.ids[p] for p in ("[CLS]", "[MASK]", "[UNK]", "[SEP]")]
    assert small.decode(masked) == "[MASK] [UNK]"


def test_pieces_agree_with_hugging_face_on_real_texts(english, data_folder, tmp_path):
    tokenizers = pytest.importorskip(
        "tokenizers", reason="Hugging Face's tokenizers is not installed"
    )
    path = str(tmp_path / "vocab.txt")
    english.save(path)
    theirs = tokenizers.BertWordPieceTokenizer(path, lowercase=True)
    theirs.enable_truncation(64)
    theirs.enable_padding(length=64)
    with open(data_folder / "myntra" / "products.jsonl", encoding="utf-8") as file:
        rows = [json.loads(line) for line in itertools.islice(file, 0, None, 8)]
    # HTML too: entities, tags and stray spaces are what shops really hold.
    texts = [f"{row['title']} {row[field]}" for row in rows
             for field in ("description", "description_html")]
    ours = text.Tokenizer(english)(tf.constant(texts), 64).numpy()
    expected = np.array([encoded.ids for encoded in theirs.encode_batch(texts)])
    different = np.flatnonzero((ours != expected).any(axis=1))
    assert not len(different), texts[different[0]]


# Equal texts


@pytest.mark.parametrize(
    "one, other",
    [
        ("Navy T-Shirt", "navy t shirt"),
        ("Crème brûlée", "creme brulee"),
        ("  two\t spaces\n", "two spaces"),
        ("Größe", "GRÖSSE"),
        ("snake_case", "snake case"),
        ("ﬁne ①", "fine 1"),
        ("Cotton.", "cotton"),
        ("e\u0301te\u0301", "été"),
    ],
)
def test_what_counts_as_the_same_text(one, other):
    assert text.normalize_text(one) == text.normalize_text(other)
    assert text.text_key(one) == text.text_key(other)


@pytest.mark.parametrize(
    "one, other",
    [("navy dress", "navy dresses"), ("size 3 4", "size 34"), ("red blue", "blue red"),
     ("", "a")],
)
def test_what_counts_as_another_text(one, other):
    assert text.text_key(one) != text.text_key(other)


@given(st.text(max_size=40))
def test_normalising_twice_changes_nothing_and_keys_fit_int64(string):
    once = text.normalize_text(string)
    assert text.normalize_text(once) == once
    assert 0 <= text.text_key(string) < 2**63


def test_text_keys_never_change():
    # They are stored in records: SHA-256 of "navy t shirt", first 63 bits.
    assert text.text_key("Navy T-Shirt") == 2405870716694147474
