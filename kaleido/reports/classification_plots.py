"""Pictures of a classifier: what it takes for what, and how sure it may be."""

from __future__ import annotations

from typing import Sequence

import numpy as np
from matplotlib.figure import Figure

from kaleido.metrics.classification import CALIBRATION_BINS, reliability

_LONGEST_NAME = 26
# Cells of a smaller share hold no number.
_WRITTEN = 0.05


def plot_confusion(
    counts: np.ndarray, names: Sequence[str], most: int = 30
) -> Figure:
    """Draws a heat map of the most frequent classes.

    Args:
        counts: int [classes, classes], rows are labels, columns predictions.
        names: of the classes.
        most: classes that are shown, by their number of labels; of equals the first.

    Returns:
        A figure of shares of a row's examples, in percent; a last column holds those
        that were taken for classes that are not shown.
    """
    totals = counts.sum(axis=1)
    classes = np.argsort(-totals, kind="stable")[:most]
    classes = classes[totals[classes] > 0]
    inside = counts[np.ix_(classes, classes)]
    others = totals[classes] - inside.sum(axis=1)
    shares = np.column_stack([inside, others]) / totals[classes][:, None]
    rows = [f"{_short(names[c])} ({totals[c]})" for c in classes]
    columns = [*(_short(names[c]) for c in classes), "others"]
    size = 1.5 + 0.31 * len(columns)
    figure = Figure(figsize=(size + 1.0, size + 0.6))
    axis = figure.add_subplot()
    axis.imshow(shares, cmap="Blues", vmin=0.0, vmax=1.0)
    axis.set_xticks(range(len(columns)), columns, rotation=90, fontsize=8)
    axis.set_yticks(range(len(rows)), rows, fontsize=8)
    axis.set_xlabel("predicted", fontsize=9)
    axis.set_ylabel("true (examples)", fontsize=9)
    for row, column in zip(*np.nonzero(shares >= _WRITTEN)):
        share = shares[row, column]
        axis.text(
            column, row, f"{100 * share:.0f}", ha="center", va="center", fontsize=7,
            color="white" if share > 0.5 else "black",
        )
    return figure


def plot_reliability(probabilities: np.ndarray, labels: np.ndarray) -> Figure:
    """Draws how often predictions are right over how sure they are.

    Args:
        probabilities, labels: see `metrics.classification.classification_figures`.

    Returns:
        A figure: above, a bar a bin and the diagonal of perfect calibration; below,
        how many predictions a bin has.
    """
    counts, _, right = reliability(probabilities, labels)
    full = counts > 0
    edges = np.arange(CALIBRATION_BINS) / CALIBRATION_BINS
    width = 1 / CALIBRATION_BINS
    figure = Figure(figsize=(4.4, 4.6))
    above, below = figure.subplots(
        2, 1, sharex=True, gridspec_kw={"height_ratios": (3, 1)}
    )
    style = {"width": width, "align": "edge", "edgecolor": "white"}
    above.bar(edges[full], right[full] / counts[full], color="tab:blue", **style)
    above.plot([0, 1], [0, 1], color="black", linewidth=0.8, dashes=(4, 3))
    above.set(xlim=(0, 1), ylim=(0, 1), ylabel="share that is right")
    below.bar(edges, counts, color="lightgrey", **style)
    below.set(xlabel="probability of the predicted class", ylabel="examples")
    return figure


def _short(name: str) -> str:
    if len(name) > _LONGEST_NAME:
        name = name[: _LONGEST_NAME - 1] + "…"
    # A dollar sign would begin a formula.
    return name.replace("$", r"\$")
