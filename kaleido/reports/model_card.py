"""The card of a published model, for people."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from kaleido.reports.joint_report import joint_markdown, joint_tables
from kaleido.reports.page import render_markdown
from kaleido.results import Result


def model_card(content: Mapping[str, Any], results: Sequence[Result]) -> str:
    """Returns the card as GitHub shows it.

    Args:
        content: of `model.json`.
        results: what the scores are of; may be empty.
    """
    scores = joint_markdown(joint_tables(results), results) if results else ""
    return render_markdown("model_card.md", {**content, "scores": scores})
