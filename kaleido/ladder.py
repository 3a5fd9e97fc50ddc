"""The ladder of the paper's Table 4: what each part of Kaleido adds."""

from __future__ import annotations

import dataclasses
import glob
import os
from typing import Any, Callable, Dict, Iterator, List, Mapping, Sequence

import numpy as np

from kaleido.files import differences, flatten, read_json, write_json

Figures = Dict[str, float]


@dataclasses.dataclass(frozen=True)
class Rung:
    """One way to make records.

    Attributes:
        name: of the rung, as tables print it.
        saliency: one of `foreground.METHODS`.
        alignment: one of `alignment.METHODS`; it guides the masks where there is one.
    """

    name: str
    saliency: str
    alignment: str

    @property
    def folder(self) -> str:
        """The name as that of a folder."""
        kept = "".join(c if c.isalnum() else " " for c in self.name.lower())
        return "_".join(kept.split())

    @property
    def needs_captioner(self) -> bool:
        """Whether words are aligned."""
        return self.alignment != "none"


# Bottom first.
RUNGS: Sequence[Rung] = (
    Rung("whole picture, random masking", "none", "none"),
    Rung("border box, random masking", "border", "none"),
    Rung("U-Net box, random masking", "unet", "none"),
    Rung("U-Net box, AGM (generated)", "unet", "generated"),
    Rung("U-Net box, AGM (teacher-forced)", "unet", "teacher_forced"),
)


# Of what a rung was made of: what it shares with other rungs that have it.
WEIGHTS = ("captioner", "saliency_weights")


@dataclasses.dataclass(frozen=True)
class MadeOf:
    """What figures depend on, besides the seed; anything that JSON holds.

    Attributes:
        all: what all rungs share: catalogue, crops, configuration.
        rung: what a rung has of its own: methods and weights.
    """

    all: Mapping[str, Any]
    rung: Mapping[str, Any]


def climb(
    output: str,
    rungs: Sequence[Rung],
    seeds: Sequence[str],
    made_of: Callable[[Rung], MadeOf],
    run: Callable[[Rung, str, str], Figures],
) -> Iterator[Dict[str, List[Figures]]]:
    """Runs what has not been run, seed by seed, so that a ladder that is stopped has
    all rungs of the first seeds.

    A run's figures are a small file, OUTPUT/<rung>/seed_<seed>.json, and are not made
    again while it is there.

    Args:
        output: folder of everything.
        rungs, seeds: to be run.
        made_of: of a rung.
        run: (rung, seed, folder of the run) -> its figures, as `run_figures`.

    Yields:
        After each run `read_runs`: of all rungs that anyone has run, these seeds.

    Raises:
        ValueError: if a file there is of other settings, or of other weights than the
            runs it would stand beside: all seeds of a rung are of one making, and all
            rungs of one captioner and one saliency network.
    """
    for rung in RUNGS:
        _check(output, rung, made_of(rungs[0]).all, "all")
    for rung in rungs:
        own = dict(made_of(rung).rung)
        _check(output, rung, own, "rung")
        for other in RUNGS:
            _check(output, other, {k: own[k] for k in WEIGHTS if k in own}, "rung",
                   only=WEIGHTS)
    for seed in seeds:
        for rung in rungs:
            path = _path(output, rung, seed)
            if not os.path.exists(path):
                figures = run(rung, seed, os.path.splitext(path)[0])
                made = dataclasses.asdict(made_of(rung))
                write_json(path, {"made_of": made, "figures": figures})
            yield read_runs(output, seeds)


def read_runs(output: str, seeds: Sequence[str]) -> Dict[str, List[Figures]]:
    """Returns the figures of the runs that are done, by rung, bottom first."""
    runs = {
        rung.name: [found["figures"] for _, found in _done(output, rung, seeds)]
        for rung in RUNGS
    }
    return {name: figures for name, figures in runs.items() if figures}


def _path(output: str, rung: Rung, seed: str) -> str:
    return os.path.join(output, rung.folder, f"seed_{seed}.json")


def _done(output, rung, seeds):
    paths = [_path(output, rung, seed) for seed in seeds]
    return [(path, read_json(path)) for path in paths if os.path.exists(path)]


def _check(output, rung, expected, part, only=None):
    """Compares all seeds of a rung that are there; `only` fields that both have."""
    for path in sorted(glob.glob(_path(glob.escape(output), rung, "*"))):
        there, asked = flatten(read_json(path)["made_of"][part]), flatten(expected)
        if only:
            both = set(only) & set(there) & set(asked)
            there, asked = ({k: v[k] for k in both} for v in (there, asked))
        if different := differences(there, asked):
            raise ValueError(
                f"{path} is of another ladder. Take another folder, or delete it. "
                f"Received: {'; '.join(different)}"
            )


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
