"""One page of many results: the paper's Tables 2 and 3 with our rows, and cases."""

from __future__ import annotations

from typing import Any, Dict, List, Sequence

from kaleido import result_tables as tables
from kaleido.finetuning_config import CLASSIFICATION_TASKS
from kaleido.reports.page import render_markdown, render_page, shown
from kaleido.result_tables import Table
from kaleido.results import Result


def joint_tables(results: Sequence[Result]) -> List[Table]:
    """Sorts results into tables, published rows below ours.

    Raises:
        ValueError: if a file holds no results of `experiments.evaluate` or
            `experiments.finetune`, or runs of one table have one name.
    """
    make = {
        "retrieval": tables.retrieval_rows, "caption": tables.caption_rows,
        **dict.fromkeys(CLASSIFICATION_TASKS, tables.classification_rows),
    }
    rows: Dict[str, List[tables.Row]] = {}
    for result in results:
        rows.setdefault(result.kind, []).extend(make[result.kind](result))
    kinds = (
        ("retrieval", "Retrieval (the paper's Table 2)", tables.RETRIEVAL_COLUMNS,
         tables.published_retrieval()),
        ("category", "Category, CR (Table 3)", tables.CLASS_COLUMNS,
         tables.published_classes("category")),
        ("subcategory", "Sub-category, SUB (Table 3)", tables.CLASS_COLUMNS,
         tables.published_classes("subcategory")),
        ("caption", "Captions, FC (Table 3)", tables.CAPTION_COLUMNS,
         tables.published_captions()),
    )
    return [
        tables.make_table(
            title, columns, [*tables.gather_rows(rows[task]), *others]
        )
        for task, title, columns, others in kinds if task in rows
    ]


def joint_page(made: Sequence[Table], results: Sequence[Result]) -> str:
    """Returns the HTML page of `joint_tables` and of the results' cases."""
    return render_page("Results", "joint.html", _values(made, results))


def joint_markdown(made: Sequence[Table], results: Sequence[Result]) -> str:
    """Returns `joint_tables` and the commands, as GitHub shows them."""
    return render_markdown("joint.md", _values(made, results))


def _values(made, results):
    return {
        "tables": made, "results": results, "significant": tables.SIGNIFICANT,
        "cell": _cell,
        # Runs share their beginnings.
        "commands": list(
            dict.fromkeys(c for r in results for c in r.content.get("commands", ()))
        ),
    }


def _cell(row: tables.Row, column: str) -> str:
    """A figure as a table shows it: a dash where the row cannot have it."""
    if column not in row.figures:
        return "–"
    figure = shown(row.figures[column], "%.2f")
    deviation = row.deviations.get(column)
    return figure if deviation is None else f"{figure} ± {deviation:.2f}"


def table_json(table: Table) -> Dict[str, Any]:
    """Returns a table as JSON holds it."""
    return {
        "title": table.title,
        "rows": [
            {
                "name": row.name, "figures": dict(row.figures),
                "deviations": dict(row.deviations),
                "published": row.source or None, "protocol": row.protocol,
                "best": [column for column, best in marks.items() if best],
            }
            for row, marks in zip(table.rows, table.best)
        ],
    }
