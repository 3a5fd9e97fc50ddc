"""The ladder of the paper's Table 4: what each part of Kaleido adds."""

from __future__ import annotations

import os
from typing import Any, Dict, List, Mapping, Sequence

import numpy as np

from kaleido.files import read_json

# Flags of `tfrecords.build` that each rung adds, bottom first.
RUNGS: Mapping[str, Sequence[str]] = {
    "whole picture, random masking": ("--saliency=none", "--alignment=none"),
    "border box, random masking": ("--saliency=border", "--alignment=none"),
    "U-Net box, random masking": ("--saliency=unet", "--alignment=none"),
    "U-Net box, AGM (generated)": ("--saliency=unet", "--alignment=generated"),
    "U-Net box, AGM (teacher-forced)": (
        "--saliency=unet", "--alignment=teacher_forced",
    ),
}


def rung_folder(rung: str) -> str:
    """Returns a rung's name as a folder."""
    kept = "".join(c if c.isalnum() else " " for c in rung.lower())
    return "_".join(kept.split())


def figures_path(output: str, rung: str, seed: str) -> str:
    """Returns the file of a run's figures, beside the run's folder."""
    return os.path.join(output, rung_folder(rung), f"seed_{seed}.json")


def read_runs(output: str, seeds: Sequence[str]) -> Dict[str, List[Dict[str, float]]]:
    """Returns the figures of the runs that are done, by rung, bottom first."""
    paths = {r: [figures_path(output, r, seed) for seed in seeds] for r in RUNGS}
    runs = {
        rung: [read_json(path)["figures"] for path in some if os.path.exists(path)]
        for rung, some in paths.items()
    }
    return {rung: figures for rung, figures in runs.items() if figures}


def needs_captioner(rung: str) -> bool:
    """Whether a rung aligns words."""
    return "--alignment=none" not in RUNGS[rung]


def summarize(runs: Sequence[Mapping[str, Any]]) -> Dict[str, Dict[str, float]]:
    """Returns mean and standard deviation over seeds.

    Args:
        runs: for each seed a flat dict of figures, all with the same keys.

    Returns:
        By figure: `mean`; `std`, of the sample, None for a single run; `runs`.
    """
    summary: Dict[str, Dict[str, float]] = {}
    for name in runs[0]:
        values = np.array([run[name] for run in runs], np.float64)
        spread = float(values.std(ddof=1)) if len(values) > 1 else None
        summary[name] = {
            "mean": round(float(values.mean()), 5),
            "std": None if spread is None else round(spread, 5),
            "runs": len(values),
        }
    return summary


def run_figures(
    results: Mapping[str, Any], lines: List[Mapping[str, float]]
) -> Dict[str, float]:
    """Returns a run's figures, flat.

    Args:
        results: of `evaluation.evaluate_retrieval` on the validation split.
        lines: of the run's `metrics.jsonl`.

    Returns:
        `itr_rank_at_1` ... and `sum_of_ranks` of the contrastive view; `itm_...` of
        ITM alone; `floor_...` of the ridge map; `val_<task>_loss` and `_accuracy`
        at the end.
    """
    figures: Dict[str, float] = {}
    scorers = {
        "": results["scorers"]["contrastive"], "itm_": results["scorers"]["itm"],
        "floor_": results["floor"],
    }
    for prefix, scorer in scorers.items():
        for task in ("itr", "tir"):
            for k in (1, 5, 10):
                key = f"rank_at_{k}"
                figures[f"{prefix}{task}_{key}"] = 100 * scorer[task][key]
        figures[f"{prefix}sum_of_ranks"] = scorer["sum_of_ranks"]
    last = lines[-1]
    figures.update({k: v for k, v in last.items() if k.startswith("val_")})
    return figures
