"""The page of a classifier: figures beside baselines, and what it confuses."""

from __future__ import annotations

from typing import Any, List, Mapping, Sequence, Tuple

import numpy as np

from kaleido.metrics.classification import confusion
from kaleido.reports.classification_plots import plot_confusion, plot_reliability
from kaleido.reports.page import figure_uri, jpeg_uri, render_page

_CONFUSIONS, _EXAMPLES = 20, 4


def classification_page(
    title: str,
    rows: Mapping[str, Mapping[str, float]],
    names: Sequence[str],
    probabilities: np.ndarray,
    labels: np.ndarray,
    examples: Sequence[Mapping[str, Any]],
    note: str,
) -> str:
    """Returns the HTML page.

    Args:
        title: heading.
        rows: by model or baseline, `metrics.classification.classification_figures` and
            `n`, how many examples they are of; None is one that could not be had. The
            first row is the model that the rest of the page is about.
        names: of the classes, those without a column of probabilities last.
        probabilities: float [n, classes] of the first row.
        labels: int [n], rows of `names`.
        examples: of the same pictures, `image_id`, `text`, `thumbnail` (JPEG bytes).
        note: what was evaluated: the split, and what the leak audit removed of it.

    Raises:
        ValueError: if there is no example, labels and examples are not as many as
            probabilities, or a class has no name.
    """
    if not len(labels) or not len(labels) == len(probabilities) == len(examples):
        raise ValueError(
            "The page needs probabilities, a label and an example of each picture. "
            f"Received: {len(probabilities)} probabilities, {len(labels)} labels, "
            f"{len(examples)} examples"
        )
    columns = probabilities.shape[1]
    if len(names) < max(columns, int(labels.max()) + 1):
        raise ValueError(
            "Each class needs a name. Received: "
            f"{len(names)} names, {columns} classes, labels up to {labels.max()}"
        )
    counts = confusion(probabilities.argmax(axis=1), labels, len(names))
    return render_page(
        title,
        "classification.html",
        {
            "rows": rows,
            "model": next(iter(rows)),
            "note": note,
            "unseen": int((labels >= columns).sum()),
            "confusion": figure_uri(plot_confusion(counts, names)),
            "reliability": figure_uri(plot_reliability(probabilities, labels)),
            "wrong": int(counts.sum() - np.trace(counts)),
            "confusions": [
                {
                    "true": names[true], "predicted": names[predicted],
                    "count": int(counts[true, predicted]),
                    "examples": [
                        {**examples[i], "uri": jpeg_uri(examples[i]["thumbnail"])}
                        for i in _surest(probabilities, labels, true, predicted)
                    ],
                }
                for true, predicted in frequent_confusions(counts)
            ],
        },
    )


def frequent_confusions(counts: np.ndarray) -> List[Tuple[int, int]]:
    """Returns the `_CONFUSIONS` most frequent pairs (label, prediction) that differ.

    Args:
        counts: int [classes, classes], rows are labels, columns predictions.
    """
    wrong = counts - np.diag(np.diag(counts))
    order = np.argsort(-wrong, axis=None, kind="stable")[:_CONFUSIONS]
    pairs = zip(*np.unravel_index(order, wrong.shape))
    return [(int(t), int(p)) for t, p in pairs if wrong[t, p]]


def _surest(probabilities, labels, true: int, predicted: int) -> List[int]:
    """Returns examples of one confusion, those of the greatest probability first."""
    found = np.flatnonzero(
        (labels == true) & (probabilities.argmax(axis=1) == predicted)
    )
    order = np.argsort(-probabilities[found, predicted], kind="stable")
    return found[order][:_EXAMPLES].tolist()
