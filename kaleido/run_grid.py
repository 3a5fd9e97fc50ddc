"""Comparisons of several trainings and seeds, which can be stopped and gone on with.

A run's figures are a small file, and are not made again while it is there.
"""

from __future__ import annotations

import dataclasses
import functools
import glob
import json
import os
from typing import Any, Callable, Dict, Iterator, List, Mapping, Protocol, Sequence

import numpy as np

from kaleido.files import differences, flatten, read_json, write_json

Figures = Dict[str, float]


class GridRow(Protocol):
    """What is run with several seeds."""

    name: str

    @property
    def folder(self) -> str:
        """Name of its folder."""


def folder_of(name: str) -> str:
    """Returns the name of a row as that of a folder."""
    return "_".join("".join(c if c.isalnum() else " " for c in name.lower()).split())


@dataclasses.dataclass(frozen=True)
class MadeOf:
    """What figures depend on, besides the seed; anything that JSON holds.

    Attributes:
        all: what the whole grid shares: catalogue, crops, configuration.
        row: what a row has of its own: methods and weights.
    """

    all: Mapping[str, Any]
    row: Mapping[str, Any]


def run_grid(
    output: str,
    grid: Sequence[GridRow],
    chosen: Sequence[GridRow],
    seeds: Sequence[str],
    made_of: Callable[[GridRow, str], MadeOf],
    run: Callable[[GridRow, str, str], Figures],
    weights: Sequence[str] = (),
) -> Iterator[Dict[str, List[Figures]]]:
    """Runs what has not been run, seed by seed, so that a grid that is stopped has all
    rows of the first seeds.

    The file is OUTPUT/<row>/seed_<seed>.json.

    Args:
        output: folder of everything.
        grid: all rows, in the order of tables.
        chosen: those to be run.
        seeds: to be run.
        made_of: of a row and a seed.
        run: (row, seed, folder of the run) -> its figures, flat.
        weights: names in `MadeOf.row` that all rows share which have them.

    Yields:
        After each run `read_runs`: of all rows that anyone has run, these seeds.

    Raises:
        ValueError: if a file there is of other settings, or of other weights than the
            runs it would stand beside.
    """
    if not chosen:
        return
    for row in grid:
        _check(output, row, functools.partial(made_of, chosen[0]), "all")
    for row in chosen:
        of_seed = functools.partial(made_of, row)
        _check(output, row, of_seed, "row")
        for other in grid if weights else ():
            _check(output, other, of_seed, "row", only=weights)
    for seed in seeds:
        for row in chosen:
            path = _path(output, row, seed)
            if not os.path.exists(path):
                figures = run(row, seed, os.path.splitext(path)[0])
                made = dataclasses.asdict(made_of(row, seed))
                write_json(path, {"made_of": made, "figures": figures})
            yield read_runs(output, grid, seeds)


def read_runs(
    output: str, grid: Sequence[GridRow], seeds: Sequence[str]
) -> Dict[str, List[Figures]]:
    """Returns the figures of the runs that are done, by row, in the grid's order."""
    runs = {
        row.name: [
            read_json(path)["figures"]
            for path in (_path(output, row, seed) for seed in seeds)
            if os.path.exists(path)
        ]
        for row in grid
    }
    return {name: figures for name, figures in runs.items() if figures}


def _path(output: str, row: GridRow, seed: str) -> str:
    return os.path.join(output, row.folder, f"seed_{seed}.json")


def _check(output, row, made_of, part, only=None):
    """Compares all seeds of a row that are there; `only` fields that both have."""
    for path in sorted(glob.glob(_path(glob.escape(output), row, "*"))):
        seed = os.path.splitext(os.path.basename(path))[0][len("seed_") :]
        there = flatten(read_json(path)["made_of"].get(part, {}))
        expected = getattr(made_of(seed), part)
        asked = flatten(json.loads(json.dumps(expected)))
        if only is not None:
            both = set(only) & set(there) & set(asked)
            there, asked = ({k: v[k] for k in both} for v in (there, asked))
        if different := differences(there, asked):
            raise ValueError(
                f"{path} is of another comparison. Take another folder, or delete it. "
                f"Received: {'; '.join(different)}"
            )


def summarize(runs: Sequence[Mapping[str, Any]]) -> Dict[str, Dict[str, float]]:
    """Returns mean and standard deviation over seeds.

    Args:
        runs: for each seed a flat dict of figures; a figure that could not be had in
            some of them is summarized over the others.

    Returns:
        By figure: `mean`; `std`, of the sample, None for a single run; `runs`.
    """
    summary: Dict[str, Dict[str, float]] = {}
    for name in dict.fromkeys(name for run in runs for name in run):
        values = np.array([run[name] for run in runs if name in run], np.float64)
        spread = float(values.std(ddof=1)) if len(values) > 1 else None
        summary[name] = {
            "mean": round(float(values.mean()), 5),
            "std": None if spread is None else round(spread, 5),
            "runs": len(values),
        }
    return summary
