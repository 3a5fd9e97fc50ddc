"""The paper's Tables 2, 3 and 4 of our figures, the published ones beside them."""

from __future__ import annotations

import dataclasses
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from kaleido import published
from kaleido.finetuning_config import BEAM_ROW
from kaleido.paper.rows import TABLE_4, TABLES_2_AND_3, Row
from kaleido.paper.scales import TASKS
from kaleido.run_grid import summarize

# By column mean, standard deviation and runs; see `run_grid.summarize`.
Summary = Mapping[str, Mapping[str, Any]]

# Who ranks: what we rank by, of all queries; the match head, as in the paper, of some.
SCORERS = {
    "contrastive": "contrastive", "corrected": "hubs corrected", "itm": "match head",
    "both": "hubs corrected + match head",
}
_BEFORE = "hubs corrected, of these queries"


@dataclasses.dataclass(frozen=True)
class Cell:
    """A row fine-tuned for one task.

    Attributes:
        row: what was pre-trained.
        task: of `scales.TASKS`.
    """

    row: Row
    task: str

    @property
    def name(self) -> str:
        """As messages print it."""
        return f"{self.row.name}, {self.task}"

    @property
    def folder(self) -> str:
        """Name of its folder."""
        return f"{self.row.folder}/{self.task}"


# Rows and tasks of each table.
CELLS: Mapping[str, Sequence[Cell]] = {
    "table2": [Cell(row, "retrieval") for row in TABLES_2_AND_3],
    "table3": [Cell(row, task) for row in TABLES_2_AND_3 for task in TASKS[1:]],
    "table4": [
        Cell(row, task)
        for row in dict.fromkeys(row for rows in TABLE_4.values() for _, row in rows)
        for task in TASKS
    ],
}

_RANKS = tuple(f"{task} @{k}" for task in ("ITR", "TIR") for k in (1, 5, 10))
_FIRST = ("ITR @1", "TIR @1", "SumR")
_CLASSES = ("CR accuracy", "CR macro-F", "SUB accuracy", "SUB macro-F")
_CAPTIONS = ("BLEU-4", "METEOR", "ROUGE-L", "CIDEr")
COLUMNS: Mapping[str, Sequence[str]] = {
    "table2": (*_RANKS, "SumR", "queries"),
    "table3": (*_CLASSES, "SumCLS", *_CAPTIONS, "SumCAP"),
    "table4": (
        *(f"{name}, contrastive" for name in _FIRST), *_FIRST, "queries", "SumCLS",
        "SumCAP",
    ),
}


def paper_figures(cells: Mapping[str, Mapping[str, float]]) -> Dict[str, float]:
    """Returns one seed's figures as the paper's tables have them, in percent.

    Args:
        cells: of a row and a seed, flat figures (`flat_figures`) by task; a task may
            be missing.

    Returns:
        By column; those of other scorers than the match head end in `, <scorer>`.
        SumCLS adds the four figures of categories, SumCAP those of captions, where
        all of them are there.
    """
    figures: Dict[str, float] = {}
    retrieval = cells.get("retrieval", {})
    for scorer, label in SCORERS.items():
        ending = "" if scorer == "itm" else f", {label}"
        for task in ("itr", "tir"):
            for k in (1, 5, 10):
                key = f"{scorer}_{task}" if k == 1 else f"{scorer}_{task}_{k}"
                if key in retrieval:
                    figures[f"{task.upper()} @{k}{ending}"] = retrieval[key]
        for key, what in (("sum_of_ranks", "SumR"), ("queries", "queries")):
            if f"{scorer}_{key}" in retrieval:
                figures[f"{what}{ending}"] = retrieval[f"{scorer}_{key}"]
        for task in ("itr", "tir"):
            # What the match head is added to, of the queries that it was asked.
            if f"{scorer}_{task}_before" in retrieval:
                before = retrieval[f"{scorer}_{task}_before"]
                figures[f"{task.upper()} @1, {_BEFORE}"] = before
    for task, label in (("category", "CR"), ("subcategory", "SUB")):
        for key, what in (("accuracy", "accuracy"), ("macro_f", "macro-F")):
            if f"ours_{key}" in cells.get(task, {}):
                figures[f"{label} {what}"] = 100 * cells[task][f"ours_{key}"]
    for label in _CAPTIONS:
        key = f"{BEAM_ROW}_{label.lower().replace('-', '_')}"
        if key in cells.get("caption", {}):
            figures[label] = 100 * cells["caption"][key]
    return {**figures, **_sums(figures)}


def paper_tables(
    table: str, runs: Mapping[str, Sequence[Mapping[str, float]]]
) -> List[Tuple[str, Sequence[str], List[Tuple[str, Summary]]]]:
    """Returns our rows with the published ones below or beside them.

    Args:
        table: `table2`, `table3` or `table4`.
        runs: by row, `paper_figures` of each seed.

    Returns:
        Of each table its title, its columns and its rows: pairs (name, figures).
        Columns of the contrastive view are there where a row of ours has one.
    """
    ours = {name: summarize(figures) for name, figures in runs.items()}
    columns = COLUMNS[table]
    if table == "table2":
        rows = [
            (f"{row.name} (ours), {label}", found)
            for row in TABLES_2_AND_3 if row.name in ours
            for label in (*SCORERS.values(), _BEFORE)
            if (found := _of_scorer(ours[row.name], label, columns))
        ]
        rows += [
            (f"{row.model} (published, {row.source})", _table_2(row))
            for row in published.RETRIEVAL
        ]
        return [("Table 2: retrieval", columns, rows)]
    if table == "table3":
        rows = [
            (f"{row.name} (ours)", ours[row.name])
            for row in TABLES_2_AND_3 if row.name in ours
        ]
        rows += [
            (f"{row.model} (published, {row.source})", _table_3(row))
            for row in published.TASKS
        ]
        return [("Table 3: categories and captions", columns, rows)]
    there = {name for figures in ours.values() for name in figures}
    columns = [
        name for name in columns if name in there or not name.endswith(", contrastive")
    ]
    made = []
    for title, group in TABLE_4.items():
        rows = []
        for label, row in group:
            if row.name in ours:
                rows.append((label, ours[row.name]))
            rows.append((f"{label} (paper)", _published(published.ABLATIONS[label])))
        made.append((f"Table 4: {title.lower()}", columns, rows))
    return made


def _of_scorer(figures, label, columns):
    """A row's figures by one scorer, under the names of the table."""
    ending = "" if label == SCORERS["itm"] else f", {label}"
    named = {column: figures.get(f"{column}{ending}") for column in columns}
    return {column: figure for column, figure in named.items() if figure}


def _published(figures: Mapping[str, float]) -> Summary:
    return {
        column: {"mean": value, "std": None, "runs": "–"}
        for column, value in figures.items() if value is not None
    }


def _table_2(row: published.PublishedRetrieval) -> Summary:
    figures = dict(zip(_RANKS, (*row.itr, *row.tir)))
    return _published({**figures, "SumR": row.sum_of_ranks})


def _table_3(row: published.PublishedTask) -> Summary:
    figures: Dict[str, float] = {}
    for label, found in (("CR", row.category), ("SUB", row.subcategory)):
        if found:
            accuracy, macro_f = found
            figures[f"{label} accuracy"] = accuracy
            figures[f"{label} macro-F"] = 100 * macro_f
    captions = zip(_CAPTIONS, row.captions or ())
    figures.update((label, figure) for label, figure in captions if figure is not None)
    return _published({**figures, **_sums(figures)})


def _sums(figures: Mapping[str, float]) -> Dict[str, float]:
    """SumCLS and SumCAP, where all of their parts are there."""
    return {
        total: sum(figures[part] for part in parts)
        for total, parts in (("SumCLS", _CLASSES), ("SumCAP", _CAPTIONS))
        if all(part in figures for part in parts)
    }
