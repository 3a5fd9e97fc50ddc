"""The page of an evaluation: figures by scorer, then queries with their results."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping

from kaleido.reports.page import jpeg_uri, render_page

TASK_NAMES = {"itr": "image to text", "tir": "text to image"}


def scorer_rows(results: Mapping[str, Any]) -> List:
    """Returns (name, figures by task) of all scorers, the floor first."""
    rows = [("ridge map (floor)", results["floor"])] if "floor" in results else []
    return rows + list(results["scorers"].items())


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
