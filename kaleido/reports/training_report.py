"""Plots of a run's losses and accuracies on validation (the paper's Fig. 6, 7)."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402 - the backend must be chosen first

from kaleido.config import TASKS  # noqa: E402
from kaleido.losses import NEAREST_AMONG  # noqa: E402
from kaleido.reports.page import figure_uri, render_page  # noqa: E402

TITLES = {
    "mlm": "Masked language (AMLM)",
    "itm": "Matching (ITM)",
    "rotation": "Rotation (RR)",
    "jigsaw": "Jigsaw (JPS)",
    "camouflage": "Camouflage (CP)",
    "grey": "Grey to colour (G2CM)",
    "blank": "Blank to colour (B2CM)",
    "contrastive": "Contrastive",
    "fusion": "Fusion",
}


def task_chances(
    batch_size: int,
    most_frequent_piece: float,
    hidden_patches: Mapping[str, int],
    replicas: int = 1,
) -> Dict[str, float]:
    """Accuracy of guessing, by task.

    Args:
        batch_size: of the global batch, among which contrastive and fusion choose; of
            a small validation split that is all there is.
        most_frequent_piece: share of the most frequent hidden word piece;
            always naming it is the best guess without looking.
        hidden_patches: of a picture, for the tasks that rebuild features.
        replicas: the features of one replica are each other's wrong answers.
    """
    chances = {
        "mlm": most_frequent_piece, "itm": 0.5, "rotation": 1 / 4, "jigsaw": 1 / 24,
        "camouflage": 1 / 9, "contrastive": 1 / batch_size,
        "fusion": 1 / batch_size,
    }
    for task, patches in hidden_patches.items():
        # A batch may be too small for all replicas to have an example.
        features = max(batch_size // replicas, 1) * patches
        chances[task] = 1 / min(1 + NEAREST_AMONG, features)
    return chances


def summarize_tasks(
    lines: Sequence[Mapping[str, float]], chances: Mapping[str, float]
) -> Dict[str, Dict[str, float]]:
    """Returns, for each task of a run, validation figures from first to last.

    Args:
        lines: of `metrics.jsonl`.
        chances: see `task_chances`.

    Returns:
        By task: `loss_first`, `loss_last`, `accuracy_first` (before the first step:
        of a warm start no chance), `accuracy`, `chance`.
    """
    summary = {}
    for task in _tasks_in(lines):
        losses = [x[f"val_{task}_loss"] for x in lines if f"val_{task}_loss" in x]
        accuracies = [
            x[f"val_{task}_accuracy"] for x in lines if f"val_{task}_accuracy" in x
        ]
        summary[task] = {
            "loss_first": round(losses[0], 5),
            "loss_last": round(losses[-1], 5),
            "accuracy_first": round(accuracies[0], 4),
            "accuracy": round(accuracies[-1], 4),
            "chance": round(chances[task], 4) if task in chances else None,
        }
    return summary


def _tasks_in(lines: Sequence[Mapping[str, float]]) -> List[str]:
    """Names of what was validated, those of pre-training in their order."""
    found = {
        key[len("val_") : -len("_loss")]
        for line in lines for key in line
        if key.startswith("val_") and key.endswith("_loss") and key != "val_loss"
    }
    return sorted(found, key=lambda name: (*TASKS, name).index(name))


def plot_tasks(
    lines: List[Mapping[str, Any]], chances: Optional[Mapping[str, float]] = None
):
    """Returns a figure: a column a task, its loss above and its accuracy below."""
    tasks = _tasks_in(lines)
    figure, axes = plt.subplots(
        2, len(tasks), figsize=(2.3 * len(tasks), 4.2), squeeze=False
    )
    for column, task in enumerate(tasks):
        for row, what in enumerate(("loss", "accuracy")):
            axis = axes[row][column]
            for prefix, style in (("val_", "-"), ("", ":")):
                key = f"{prefix}{task}_{what}"
                points = [(x["step"], x[key]) for x in lines if key in x]
                if points:
                    axis.plot(*zip(*points), style, color="tab:blue", linewidth=1.4)
            if what == "accuracy" and chances and task in chances:
                axis.axhline(chances[task], color="grey", linewidth=0.8, dashes=(4, 3))
            axis.tick_params(labelsize=7)
            if row == 0:
                axis.set_title(TITLES.get(task, task), fontsize=8)
        axes[1][column].set_xlabel("step", fontsize=7)
    axes[0][0].set_ylabel("loss", fontsize=8)
    axes[1][0].set_ylabel("accuracy", fontsize=8)
    figure.tight_layout()
    return figure


def training_page(
    lines: List[Mapping[str, Any]], chances: Mapping[str, float],
    title: str = "Pre-training",
) -> str:
    """Returns the HTML page of a run.

    Args:
        lines: of `metrics.jsonl`.
        chances: see `task_chances`; a task may have none.
        title: of the page.
    """
    tasks = summarize_tasks(lines, chances)
    return render_page(
        title,
        "training.html",
        {
            "plot": figure_uri(plot_tasks(lines, chances)),
            "tasks": tasks,
            "titles": {name: TITLES.get(name, name) for name in tasks},
        },
    )
