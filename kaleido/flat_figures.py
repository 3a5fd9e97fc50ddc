"""Figures of one run, flat, as comparisons of many runs hold them (`run_grid.py`)."""

from __future__ import annotations

from typing import Any, Dict, Mapping

from kaleido.retrieval_figures import FLOORS


def retrieval_run(results: Mapping[str, Any]) -> Dict[str, float]:
    """Returns the figures of `experiments.evaluate`'s results, in percent.

    `<scorer>_<task>` is Rank@1 of the lists, `..._5` and `..._10` the other ranks,
    `..._all` Rank@1 of the whole pool; `floor_...` and `floor_corrected_...` are the
    ridge map's. `both_<task>` may be of fewer queries: `both_<task>_before` is
    `corrected` on these. `<scorer>_queries` says how many were asked.
    """
    figures: Dict[str, float] = {}
    scorers = dict(results["scorers"])
    for name in FLOORS:
        if name in results:
            scorers[name] = results[name]
    for name, scorer in scorers.items():
        for task in ("itr", "tir"):
            figures[f"{name}_{task}"] = 100 * scorer[task]["rank_at_1"]
            for k in (5, 10):
                figures[f"{name}_{task}_{k}"] = 100 * scorer[task][f"rank_at_{k}"]
            if "corrected_on_these" in scorer[task]:
                before = scorer[task]["corrected_on_these"]["rank_at_1"]
                figures[f"{name}_{task}_before"] = 100 * before
            if "full" in scorer[task]:
                figures[f"{name}_{task}_all"] = 100 * scorer[task]["full"]["rank_at_1"]
        figures[f"{name}_queries"] = scorer["itr"]["queries"]
        figures[f"{name}_sum_of_ranks"] = scorer["sum_of_ranks"]
    return figures


def task_run(results: Mapping[str, Any]) -> Dict[str, float]:
    """Returns the figures of `experiments.finetune`'s results of other tasks.

    `<row>_<figure>`: our rows, and the baselines'.
    """
    return {
        f"{row['name']}_{key}": float(value)
        for row in results["rows"]
        for key, value in row.items()
        if isinstance(value, (int, float)) and key != "n"
    }
