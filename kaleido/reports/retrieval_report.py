"""The page of an evaluation: figures by scorer, then queries with their results."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping

from kaleido.reports.page import jpeg_uri, render_page

TASK_NAMES = {"itr": "image to text", "tir": "text to image"}

TABLE = """
<table><tr><th>scorer</th>{% for t in tasks %}<th>{{ names[t] }}: Rank@1</th><th>@5</th><th>@10</th>
<th>±</th><th>full Rank@1</th>{% endfor %}</tr>
{% for name, figures in rows %}<tr><td>{{ name }}</td>{% for t in tasks %}{% set f = figures[t] %}
<td>{{ '%.1f' % (100 * f.rank_at_1) }}</td><td>{{ '%.1f' % (100 * f.rank_at_5) }}</td>
<td>{{ '%.1f' % (100 * f.rank_at_10) }}</td>
<td>{% if f.std is defined %}{{ '%.1f' % (100 * f.std) }}{% endif %}</td>
<td>{% if f.full is defined %}{{ '%.1f' % (100 * f.full.rank_at_1) }}{% endif %}</td>
{% endfor %}</tr>{% endfor %}</table>
"""

_TEMPLATE = """
<p>{{ manifest.queries }} queries, {{ manifest.candidates }} candidates, {{ manifest.draws }} draws
(manifest {{ manifest.fingerprint }}, version {{ manifest.version }}); {{ '%.0f' % (100 * manifest.fill_rate) }} % of
the negatives are of the query's sub-category, all of them for {{ manifest.queries_all_of_subcategory }}
queries. Ties count against us. Percent.</p>
""" + TABLE + """
{% if weight is defined %}<p>“both” adds {{ weight }} × the match logit to the contrastive score of the
20 best candidates; the weight was chosen on validation.</p>{% endif %}
{% for task, queries in pages.items() %}
<h2>{{ names[task] }}: the worst queries first, then wrong ones, then right ones</h2>
{% for q in queries %}<div class="card"><div class="row">
<div><img src="{{ q.query.uri }}" height="100"><div class="small">rank {{ q.rank }}</div></div>
<div class="small" style="width:260px"><b>{{ q.query.subcategory }}</b> {{ q.query.text[:260] }}</div>
{% for r in q.results %}<div style="width:120px"><img class="{{ 'right' if r.right else 'wrong' }}"
src="{{ r.uri }}" height="90"><div class="small">{{ r.text[:110] }}</div></div>{% endfor %}
</div></div>{% endfor %}{% endfor %}
"""


def scorer_rows(results: Mapping[str, Any]) -> List:
    """Returns (name, figures by task) of all scorers, the floor first."""
    rows = [("ridge map (floor)", results["floor"])] if "floor" in results else []
    return rows + list(results["scorers"].items())


def retrieval_page(results: Mapping[str, Any], pages: Mapping[str, List]) -> str:
    """Returns the HTML page of `evaluation.evaluate_retrieval`'s results."""
    return render_page(
        "Retrieval",
        _TEMPLATE,
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
