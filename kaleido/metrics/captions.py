"""What is reported of captions (FC): the COCO figures, and how varied they are.

BLEU-4, METEOR, ROUGE-L and CIDEr are those of `pycocoevalcap` (extra `captions`),
which asks Java for METEOR and for the tokenizer.
"""

from __future__ import annotations

import re
import shutil
from typing import Any, Dict, List, Mapping, Sequence, Tuple

import numpy as np

Words = Dict[int, List[str]]


def caption_figures(
    captions: Mapping[str, Sequence[str]], references: Sequence[Sequence[str]]
) -> Dict[str, Tuple[Dict[str, Any], np.ndarray]]:
    """Scores generated captions.

    Args:
        captions: by who wrote them, one a picture; scored together, since every start
            of Java takes seconds.
        references: those that people wrote of it, one or more a picture.

    Returns:
        By who wrote them, a pair. First `bleu_4`, `meteor`, `rouge_l` in [0, 1] and
        `cider` in [0, 10]; `distinct_1` and `distinct_2`, the share of all words and of
        all pairs of words in a row that are unlike each other; `words`, the mean
        length; `tokenizer`, `ptb`, or `words` without Java, whose figures differ in
        their second digit. `meteor` is None without Java. Then the CIDEr of each
        caption, float64 [n].

    Raises:
        ImportError: if `pycocoevalcap` is not installed.
        ValueError: if there are no captions, or not as many as references.
    """
    for name, texts in captions.items():
        if not texts or len(texts) != len(references):
            raise ValueError(
                f"Each caption needs its references. Received: {len(texts)} captions "
                f"of {name}, references of {len(references)}"
            )
    require_scorer()
    from pycocoevalcap.meteor.meteor import Meteor

    java = has_java()
    tokenize = _ptb_words if java else _plain_words
    rows = [[[text] for text in texts] for texts in captions.values()]
    true, *written = tokenize([references, *rows])
    meteor = Meteor() if java else None
    return {
        name: _figures_of(words, true, meteor)
        for name, words in zip(captions, written)
    }


def _figures_of(written: Words, true: Words, meteor):
    """Figures and the CIDEr of each of one writer's captions."""
    from pycocoevalcap.bleu.bleu import Bleu
    from pycocoevalcap.cider.cider import Cider
    from pycocoevalcap.rouge.rouge import Rouge

    bleu, _ = Bleu(4).compute_score(true, written, verbose=0)
    rouge, _ = Rouge().compute_score(true, written)
    cider, each = Cider().compute_score(true, written)
    words = [texts[0].split() for texts in written.values()]
    figures = {
        "bleu_4": float(bleu[3]),
        "meteor": float(meteor.compute_score(true, written)[0]) if meteor else None,
        "rouge_l": float(rouge),
        "cider": float(cider),
        "distinct_1": _distinct(words, 1),
        "distinct_2": _distinct(words, 2),
        "words": float(np.mean([len(w) for w in words])),
        "captions": len(written),
        "tokenizer": "ptb" if meteor else "words",
    }
    return figures, np.asarray(each, np.float64)


def plain_cider(captions: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """Returns the mean CIDEr, in [0, 10], of words told apart without Java.

    Its second digit is not that of `caption_figures`: it is to choose by, in no time.

    Args:
        captions, references: see there.
    """
    from pycocoevalcap.cider.cider import Cider

    true, written = _plain_words([references, [[text] for text in captions]])
    return float(Cider().compute_score(true, written)[0])


def has_java() -> bool:
    """Returns whether METEOR and the PTB tokenizer can be had."""
    return shutil.which("java") is not None


def require_scorer() -> None:
    """Raises an ImportError if `pycocoevalcap` is not installed."""
    try:
        import pycocoevalcap.cider.cider  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "Captions are scored by pycocoevalcap: pip install -e '.[captions]'"
        ) from error


def _ptb_words(sets: Sequence[Sequence[Sequence[str]]]) -> List[Words]:
    """Tokenizes sets of texts, each some texts a picture, in one run."""
    from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

    # Its lines are its items, and not all that breaks a line is a line feed.
    entries = {
        (number, index): [{"caption": " ".join(text.split())} for text in group]
        for number, texts in enumerate(sets)
        for index, group in enumerate(texts)
    }
    found = PTBTokenizer().tokenize(entries)
    return [
        {index: found[number, index] for index in range(len(texts))}
        for number, texts in enumerate(sets)
    ]


def _plain_words(sets: Sequence[Sequence[Sequence[str]]]) -> List[Words]:
    return [
        {
            index: [" ".join(re.findall(r"\w+", text.lower())) for text in group]
            for index, group in enumerate(texts)
        }
        for texts in sets
    ]


def _distinct(words: Sequence[List[str]], size: int) -> float:
    """Share of the runs of `size` words that are unlike each other; 0 of none."""
    runs = [
        tuple(text[i : i + size]) for text in words for i in range(len(text) - size + 1)
    ]
    return len(set(runs)) / max(len(runs), 1)
