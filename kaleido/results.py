"""Results files of `experiments.evaluate` and `experiments.finetune`, read again."""

from __future__ import annotations

import dataclasses
import os
from typing import Any, Mapping, Sequence

import numpy as np

from kaleido.cases import cases_path
from kaleido.comparison import read_outcomes
from kaleido.files import read_json
from kaleido.finetuning_config import CLASSIFICATION_TASKS


@dataclasses.dataclass(frozen=True)
class Result:
    """A results file.

    Attributes:
        name: of the run.
        content: the JSON.
        arrays: the outcomes beside it.
        cases: see `cases.choose_cases`; may be empty.
    """

    name: str
    content: Mapping[str, Any]
    arrays: Mapping[str, np.ndarray]
    cases: Sequence[Mapping[str, Any]] = ()

    @property
    def kind(self) -> str:
        """`retrieval`, `category`, `subcategory` or `caption`; see `kind_of`."""
        return kind_of(self.content, self.name)


def kind_of(content: Any, name: str) -> str:
    """Returns what results are of.

    Args:
        content: of a JSON file.
        name: names the file or the run in the error.

    Raises:
        ValueError: if it holds no results.
    """
    keys = sorted(content) if isinstance(content, dict) else type(content).__name__
    if "scorers" in keys:
        return "retrieval"
    task = content.get("task") if isinstance(content, dict) else None
    if task in (*CLASSIFICATION_TASKS, "caption"):
        return task
    raise ValueError(
        f"{name} has no results of experiments.evaluate or experiments.finetune. "
        f"Received: keys {keys[:8]}"
    )


def parse_result(text: str) -> Result:
    """Reads a results file.

    Args:
        text: NAME=FILE.json, as flags give it.

    Raises:
        ValueError: if the text is of another form, or the file holds no results.
    """
    name, _, path = text.partition("=")
    if not (name and path):
        raise ValueError(f"--results takes NAME=FILE.json. Received: {text!r}")
    content = read_json(path)
    kind_of(content, path)
    cases = read_json(cases_path(path)) if os.path.exists(cases_path(path)) else []
    return Result(name, content, read_outcomes(path, content), cases)
