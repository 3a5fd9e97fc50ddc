"""The page that quickstart ends with."""

from __future__ import annotations

from typing import Any, List, Mapping

from kaleido.reports.page import figure_uri, render_page
from kaleido.reports.retrieval_report import TABLE, TASK_NAMES, scorer_rows
from kaleido.reports.training_report import TITLES, plot_tasks

_TEMPLATE = """
<p>A rendered catalogue went through the whole chain in {{ '%.1f' % (report.seconds / 60) }} minutes:
{% for name, seconds in report.stages.items() %}{{ name }} {{ seconds }} s{{ ', ' if not loop.last }}{% endfor %}.
{{ report.records.train }} pairs to train on, {{ report.records.validation }} to choose by,
{{ report.records.test }} that were never looked at before this page.</p>
<p><a href="records/report.html">records: pictures, patches, rejected rows</a> ·
<a href="retrieval.html">retrieval: queries and their results</a> · <code>export/</code>: the SavedModel</p>
<h2>Retrieval on products never trained on</h2>
<p>{{ manifest.candidates }} candidates, {{ '%.0f' % (100 * manifest.fill_rate) }} % of the wrong ones of the query's
sub-category; chance is {{ '%.1f' % (100 / manifest.candidates) }} %. Percent; the scorer in use is
“{{ report.primary }}”.</p>
""" + TABLE + """
<h2>The tasks, on validation</h2>
<img src="{{ plot }}" width="1150">
<table><tr><th>task</th><th>loss, first</th><th>loss, last</th><th>accuracy</th><th>chance</th></tr>
{% for task, t in report.tasks.items() %}<tr><td>{{ titles[task] }}</td><td>{{ '%.4f' % t.loss_first }}</td>
<td>{{ '%.4f' % t.loss_last }}</td><td>{{ '%.3f' % t.accuracy }}</td><td>{{ '%.3f' % t.chance }}</td></tr>
{% endfor %}</table>
"""


def ranks(figures: Mapping[str, float]) -> str:
    """Returns `55.8/86.9/94.7`."""
    return "/".join(f"{100 * figures[f'rank_at_{k}']:.1f}" for k in (1, 5, 10))


def quickstart_page(
    report: Mapping[str, Any],
    results: Mapping[str, Any],
    lines: List[Mapping[str, Any]],
    chances: Mapping[str, float],
) -> str:
    """Returns the HTML page.

    Args:
        report: content of `report.json`.
        results: of the evaluation.
        lines: of `metrics.jsonl`.
        chances: accuracy of guessing, by task.
    """
    return render_page(
        "Kaleido-BERT quickstart",
        _TEMPLATE,
        {
            "report": report,
            "manifest": results["manifest"],
            "rows": scorer_rows(results),
            "tasks": list(TASK_NAMES),
            "names": TASK_NAMES,
            "titles": TITLES,
            "plot": figure_uri(plot_tasks(lines, chances)),
        },
    )
