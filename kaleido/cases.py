"""Right and wrong cases of a result, for people to look at."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Sequence

import numpy as np

from kaleido.files import beside
from kaleido.reports.page import jpeg_uri

_EACH = 6


def choose_cases(
    right: np.ndarray, examples: Sequence[Mapping[str, Any]], said: Sequence[str],
    verdicts: Sequence[str] = ("right", "wrong"),
) -> List[Dict[str, Any]]:
    """Draws some right and some wrong examples, always the same.

    Args:
        right: bool [n].
        examples: `text` and `thumbnail`, JPEG bytes, of each.
        said: what the model answered.
        verdicts: what being right, and not, is called.

    Returns:
        Of each case `right`, `verdict`, `text`, `said` and `image`, a data URI;
        JSON-able.
    """
    order = np.random.default_rng(0).permutation(len(right))
    chosen = [row for answer in (True, False) for row in
              [r for r in order if right[r] == answer][:_EACH]]
    return [
        {
            "right": bool(right[row]),
            "verdict": verdicts[0 if right[row] else 1],
            "text": examples[row]["text"],
            "said": said[row],
            "image": jpeg_uri(examples[row]["thumbnail"]),
        }
        for row in chosen
    ]


def retrieval_cases(pages: Mapping[str, Sequence[Mapping[str, Any]]]):
    """Returns cases of sample queries, see `evaluation.Retrieval.pages`.

    Of a picture that is asked for, the text that came first; of a text, the picture.
    """
    cases = []
    for task, queries in pages.items():
        right = np.array([query["rank"] == 1 for query in queries], bool)
        firsts = [query["results"][0] for query in queries]
        shown = [query["query"] for query in queries] if task == "itr" else firsts
        examples = [
            {"text": query["query"]["text"], "thumbnail": item["thumbnail"]}
            for query, item in zip(queries, shown)
        ]
        said = [f"{task}, rank {q['rank']}: {f['text']}" for q, f in
                zip(queries, firsts)]
        cases += choose_cases(right, examples, said)
    return cases


def cases_path(results: str) -> str:
    """Returns where the cases of a results file lie: `FILE.cases.json`."""
    return beside(results, ".cases.json")
