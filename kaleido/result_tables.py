"""Results of many runs as the paper's Tables 2 and 3, published rows beside ours.

A figure that a test can compare, query by query or example by example, is marked as
best in its column where no other row of ours is better with p < .05.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence

import numpy as np

from kaleido import published
from kaleido.metrics.bootstrap import paired_bootstrap
from kaleido.results import Result
from kaleido.retrieval_figures import FLOORS

SIGNIFICANT = 0.05


class Outcomes(NamedTuple):
    """What became of each example.

    Attributes:
        values: float [n], e.g. whether it was right.
        ids: of the examples, [n].
        products: keys of their products, [n].
    """

    values: np.ndarray
    ids: np.ndarray
    products: np.ndarray


@dataclasses.dataclass(frozen=True)
class Row:
    """A row of a table.

    Attributes:
        name: of the model.
        figures: by column; a column may be missing, or None.
        outcomes: by column that can be tested.
        source: of a published row; empty for ours.
        protocol: what was asked.
        deviations: by column, of the figure over draws of candidates.
        baseline_of: of a row that needs no model of ours, the run beside which it was
            measured; empty for others.
    """

    name: str
    figures: Mapping[str, Optional[float]]
    outcomes: Mapping[str, Outcomes] = dataclasses.field(default_factory=dict)
    source: str = ""
    protocol: str = ""
    deviations: Mapping[str, float] = dataclasses.field(default_factory=dict)
    baseline_of: str = ""


@dataclasses.dataclass(frozen=True)
class Table:
    """A table of one task.

    Attributes:
        title: what it is of.
        columns: names, in order.
        rows: ours first.
        best: bool by row and column, see `mark_best`.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Row]
    best: Sequence[Mapping[str, bool]]


def make_table(title: str, columns: Sequence[str], rows: Sequence[Row]) -> Table:
    """Returns a table with its best figures marked."""
    return Table(title, columns, rows, mark_best(rows, columns))


def gather_rows(rows: Iterable[Row]) -> List[Row]:
    """Returns rows for one table, no two of them of one name and protocol.

    What several runs have measured alike stands once. A baseline that two runs have
    measured unlike, of other records perhaps, is named with its run.

    Raises:
        ValueError: if two runs have one name and other figures.
    """
    kept: Dict[Any, Row] = {}
    for row in rows:
        known = kept.get((row.name, row.protocol))
        if known and known.figures == row.figures:
            continue
        if known and row.baseline_of:
            row = dataclasses.replace(row, name=f"{row.baseline_of}: {row.name}")
            known = kept.get((row.name, row.protocol))
        if known and known.figures != row.figures:
            raise ValueError(
                "Runs of one table need names of their own. Received: two of "
                f"{row.name!r} with other figures"
            )
        kept[row.name, row.protocol] = row
    return list(kept.values())


def mark_best(rows: Sequence[Row], columns: Sequence[str]) -> List[Dict[str, bool]]:
    """Says which figures no other row beats.

    Within a column rows of the same examples and protocol are compared: the highest is
    marked, and whatever is not worse than it with p < .05
    (`bootstrap.paired_bootstrap`). A row that has nobody to be compared with is not
    marked.
    """
    marked: List[Dict[str, bool]] = [{} for _ in rows]
    for column in columns:
        groups: Dict[Any, List[int]] = {}
        for index, row in enumerate(rows):
            if column in row.outcomes:
                ids = row.outcomes[column].ids
                # One manifest's draws are not another's, nor one tokenizer's words.
                asked = (row.protocol, *sorted(ids.tolist()))
                groups.setdefault(asked, []).append(index)
        for group in groups.values():
            if len(group) < 2:
                continue
            found = {index: _in_order(rows[index].outcomes[column]) for index in group}
            first = max(group, key=lambda index: found[index].values.mean())
            best = found[first]
            for index in group:
                marked[index][column] = index == first or (
                    paired_bootstrap(
                        best.values, found[index].values, best.products
                    )["p_value"] >= SIGNIFICANT
                )
    return marked


def _in_order(outcomes: Outcomes) -> Outcomes:
    order = np.argsort(outcomes.ids, kind="stable")
    found = Outcomes(*(np.asarray(column)[order] for column in outcomes))
    return found._replace(values=found.values.astype(np.float64))


RETRIEVAL_COLUMNS = (
    "ITR @1", "ITR @5", "ITR @10", "TIR @1", "TIR @5", "TIR @10", "SumR",
    "ITR @1, all", "TIR @1, all",
)


def retrieval_rows(result: Result) -> List[Row]:
    """Returns a row for each scorer of `experiments.evaluate`'s results."""
    results, arrays = result.content, result.arrays
    manifest, rows = results["manifest"], []
    scorers = [(name, name, found) for name, found in results["scorers"].items()]
    scorers += [
        (label, name, results[name])
        for name, label in FLOORS.items() if name in results
    ]
    for scorer, stored, found in scorers:
        figures: Dict[str, Optional[float]] = {}
        outcomes: Dict[str, Outcomes] = {}
        deviations: Dict[str, float] = {}
        draws = 1
        for task in ("itr", "tir"):
            label = task.upper()
            for k in (1, 5, 10):
                figures[f"{label} @{k}"] = 100 * found[task][f"rank_at_{k}"]
            if "std" in found[task]:
                deviations[f"{label} @1"] = 100 * found[task]["std"]
            whole = found[task].get("full")
            if whole:
                figures[f"{label} @1, all"] = 100 * whole["rank_at_1"]
            key = f"{stored}/{task}"
            for field, column in (("lists", " @1"), ("full", " @1, all")):
                if f"{key}/{field}" in arrays:
                    ranks = np.atleast_2d(arrays[f"{key}/{field}"])
                    draws = max(draws, len(ranks))
                    asked = arrays[f"{key}/queries"]
                    outcomes[label + column] = Outcomes(
                        (ranks == 1).mean(axis=0), arrays["query_ids"][asked],
                        arrays["query_products"][asked],
                    )
        figures["SumR"] = found["sum_of_ranks"]
        queries = found["itr"]["queries"]
        protocol = (
            f"{queries} queries of {_split(results)}, {draws} × "
            f"{manifest['candidates']} candidates, "
            f"{100 * manifest['fill_rate']:.0f} % of the sub-category, manifest "
            f"{manifest['fingerprint']}"
        )
        ours = f"{result.name}{_recipe(results)}"
        floor = stored in FLOORS
        rows.append(
            Row(
                scorer if floor else f"{ours}: {scorer}", figures, outcomes,
                protocol=protocol, deviations=deviations,
                baseline_of=ours if floor else "",
            )
        )
    return rows


def published_retrieval() -> List[Row]:
    """Returns the rows of `published.RETRIEVAL`."""
    return [
        Row(
            row.model,
            {
                **dict(zip(RETRIEVAL_COLUMNS, (*row.itr, *row.tir))),
                **dict(zip(RETRIEVAL_COLUMNS[-2:], row.whole)),
                "SumR": row.sum_of_ranks,
            },
            source=row.source, protocol=row.protocol,
        )
        for row in published.RETRIEVAL
    ]


def _split(content: Mapping[str, Any]) -> str:
    """Returns the split that was measured, and whether it chose what is measured."""
    chose = " (on which it was chosen)" if content.get("chosen_on_itself") else ""
    return f"{content['split']}{chose}"


def _recipe(content: Mapping[str, Any]) -> str:
    """Returns what a fine-tuning has that the default has not."""
    usual = {
        "start": "pretrained", "balance": "none", "context": "none",
        "closed_forms": True,
    }
    told = [
        f"{name} {content[name]}" for name, value in usual.items()
        if content.get(name, value) != value
    ]
    if "finetuned_for" in content:
        told.insert(0, f"fine-tuned for {content['finetuned_for'].upper()}")
    return f" [{', '.join(told)}]" if told else ""


CLASS_COLUMNS = (
    "accuracy", "top 3", "macro-F, classes present", "macro-F, union",
    "calibration error",
)
_CLASS_KEYS = ("accuracy", "top_3", "macro_f", "macro_f_union", "calibration_error")
# What baselines see, whatever the run beside them does.
_SEES = {"nearest_pictures": "picture", "text_regression": "text"}


def classification_rows(result: Result) -> List[Row]:
    """Returns our row and the baselines' of a classification."""
    arrays, rows = result.arrays, []
    inputs = result.content["inputs"].replace("both", "text + picture")
    run = f"{result.name}{_recipe(result.content)}"
    ours = {"ours": run, "cls": f"{run}, [CLS] alone"}
    for found in result.content["rows"]:
        name = found["name"]
        rows.append(
            Row(
                f"{ours.get(name, name)} ({_SEES.get(name, inputs)})",
                {
                    column:
                        found[key] if key == "calibration_error" else 100 * found[key]
                    for column, key in zip(CLASS_COLUMNS, _CLASS_KEYS)
                },
                {
                    "accuracy": Outcomes(
                        arrays[f"right_{name}"], arrays["ids"], arrays["products"]
                    )
                },
                protocol=f"{len(arrays['ids'])} examples of {_split(result.content)}",
                baseline_of="" if name in ours else run,
            )
        )
    return rows


def published_classes(task: str) -> List[Row]:
    """Returns the rows of `published.TASKS` for `category` or `subcategory`."""
    return [
        Row(
            row.model,
            {
                "accuracy": getattr(row, task)[0],
                "macro-F, classes present": 100 * getattr(row, task)[1],
            },
            source=row.source, protocol="Fashion-Gen; which macro-F is not said",
        )
        for row in published.TASKS if getattr(row, task)
    ]


CAPTION_COLUMNS = (
    "BLEU-4", "METEOR", "ROUGE-L", "CIDEr", "distinct-1", "distinct-2", "words",
    "attributes named", "attributes invented",
)
_CAPTION_BASELINES = ("context", "nearest_picture", "frequent", "show_attend_tell")
_CAPTION_KEYS = ("bleu_4", "meteor", "rouge_l", "cider", "distinct_1", "distinct_2")


def caption_rows(result: Result) -> List[Row]:
    """Returns a row for each way to decode and each baseline of captions."""
    arrays, rows = result.arrays, []
    run = f"{result.name}{_recipe(result.content)}"
    for found in result.content["rows"]:
        row = found["name"]
        figures = {
            column: None if found[key] is None else 100 * found[key]
            for column, key in zip(CAPTION_COLUMNS, _CAPTION_KEYS)
        }
        figures["words"] = found["words"]
        for what in ("named", "invented"):
            if what in found:
                share = found[what]
                figures[f"attributes {what}"] = None if share is None else 100 * share
        baseline = row in _CAPTION_BASELINES
        rows.append(
            Row(
                row if baseline else f"{run}: {row}", figures,
                {
                    "CIDEr": Outcomes(
                        arrays[f"cider_{row}"], arrays["ids"], arrays["products"]
                    )
                },
                protocol=f"{found['captions']} pictures of {_split(result.content)}, "
                f"{found['tokenizer']} tokens",
                baseline_of=run if baseline else "",
            )
        )
    return rows


def published_captions() -> List[Row]:
    """Returns the rows of `published.TASKS` that have captions."""
    return [
        Row(
            row.model, dict(zip(CAPTION_COLUMNS, row.captions)), source=row.source,
            protocol=row.caption_protocol,
        )
        for row in published.TASKS if row.captions
    ]
