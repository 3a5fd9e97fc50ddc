"""The page of an evaluation: figures by scorer, then queries with their results."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping

from kaleido.reports.page import jpeg_uri, render_page
from kaleido.retrieval_figures import FLOORS, LEAST_QUERIES

TASK_NAMES = {"itr": "image to text", "tir": "text to image"}


def scorer_rows(results: Mapping[str, Any]) -> List:
    """Returns (name, figures by task) of all scorers, the floors first."""
    rows = [(label, results[key]) for key, label in FLOORS.items() if key in results]
    return rows + list(results["scorers"].items())


def ranks(figures: Mapping[str, float]) -> str:
    """Returns `55.8/86.9/94.7`."""
    return "/".join(f"{100 * figures[f'rank_at_{k}']:.1f}" for k in (1, 5, 10))


def asked_everything(results: Mapping[str, Any]) -> List:
    """Returns those of `scorer_rows` that were asked all queries.

    Figures of a few queries do not stand beside those of all.
    """
    asked = results["manifest"]["queries"]
    return [
        (name, figures) for name, figures in scorer_rows(results)
        if figures["itr"]["queries"] == asked
    ]


def subcategory_rows(results: Mapping[str, Any]) -> List[Dict[str, Any]]:
    """Returns `name`, `queries` and `shares` of each sub-category, the largest first.

    Shares are Rank@1 by scorer of `asked_everything` and by task.
    """
    columns = [
        figures[task]["by_subcategory"]
        for _, figures in asked_everything(results) for task in TASK_NAMES
    ]
    # All were asked the same queries: all have the same sub-categories.
    sizes = {n: f["queries"] for n, f in (columns[0] if columns else {}).items()}
    return [
        {
            "name": name, "queries": sizes[name],
            "shares": [column[name]["rank_at_1"] for column in columns],
        }
        for name in sorted(sizes, key=lambda name: (-sizes[name], name))
    ]


def retrieval_page(results: Mapping[str, Any], pages: Mapping[str, List]) -> str:
    """Returns the HTML page of `evaluation.evaluate_retrieval`'s results."""
    return render_page(
        "Retrieval",
        "retrieval.html",
        {
            **results,
            "tasks": list(TASK_NAMES),
            "names": TASK_NAMES,
            "rows": scorer_rows(results),
            "ranks": ranks,
            "asked_all": [name for name, _ in asked_everything(results)],
            "subcategories": subcategory_rows(results),
            "least": LEAST_QUERIES,
            "pages": {task: [_with_uris(q) for q in qs] for task, qs in pages.items()},
        },
    )


def _with_uris(query: Mapping[str, Any]) -> Dict[str, Any]:
    def item(value):
        return {**value, "uri": jpeg_uri(value["thumbnail"])}

    return {
        **query, "query": item(query["query"]),
        "results": [item(r) for r in query["results"]],
    }
