"""The paper's Figures 6 and 7: each pre-training task on validation, step by step."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Sequence, Tuple

from matplotlib.figure import Figure

from kaleido.config import PAPER_TASKS
from kaleido.reports.training_report import TITLES

# By task, by seed: pairs (step, figure).
Curves = Dict[str, Dict[str, List[Tuple[int, float]]]]


def curves(runs: Mapping[str, Sequence[Mapping[str, Any]]], what: str) -> Curves:
    """Returns the curves of the paper's seven tasks.

    Args:
        runs: lines of `metrics.jsonl` by seed.
        what: `loss` or `accuracy`.

    Raises:
        ValueError: if a run has not learnt one of them.
    """
    found: Curves = {}
    for task in PAPER_TASKS:
        key = f"val_{task}_{what}"
        for seed, lines in runs.items():
            points = [(line["step"], line[key]) for line in lines if key in line]
            if not points:
                raise ValueError(
                    f"The run of seed {seed} has no {what} of {task}. Received: "
                    f"{len(lines)} lines"
                )
            found.setdefault(task, {})[seed] = points
    return found


def plot_curves(found: Curves, what: str) -> Figure:
    """Returns a figure with a panel a task and a line a seed."""
    figure = Figure(figsize=(2.3 * len(found), 2.4))
    axes = figure.subplots(1, len(found), squeeze=False)
    for axis, (task, by_seed) in zip(axes[0], found.items()):
        for points in by_seed.values():
            axis.plot(*zip(*points), linewidth=1.2)
        axis.set_title(TITLES[task], fontsize=8)
        axis.set_xlabel("step", fontsize=7)
        axis.tick_params(labelsize=7)
    axes[0][0].set_ylabel(f"{what} on validation", fontsize=8)
    figure.tight_layout()
    return figure
