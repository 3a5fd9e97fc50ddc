"""What grids of trainings ask of their runs: one manifest of all, figures by task."""

from __future__ import annotations

import os
from typing import Dict

from kaleido.cli import beside_binary, run_binary

CONFIGS = beside_binary(__file__, "configs")


def manifest_of(output: str, records: str, split: str) -> str:
    """Returns the path of a grid's one manifest, which is drawn unless it is there.

    Args:
        output: folder of the grid.
        records: folder of the records that it is drawn from.
        split: that is evaluated.
    """
    path = os.path.join(output, "manifest.json")
    if not os.path.exists(path):
        run_binary(
            "experiments.make_manifest", f"--records={records}", f"--split={split}",
            f"--output={path}",
        )
    return path


def figures_of(results: str, ranks: bool) -> Dict[str, float]:
    """Returns the flat figures of a `results.json`, see `flat_figures`.

    Args:
        results: path of the file.
        ranks: whether it is of retrieval.
    """
    from kaleido.files import read_json
    from kaleido.flat_figures import retrieval_run, task_run

    return (retrieval_run if ranks else task_run)(read_json(results))
