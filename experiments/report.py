r"""Joins results into one page: the paper's Tables 2 and 3, published rows beside ours.

Takes results files of `experiments.evaluate` and `experiments.finetune`, each with a
name of the run. Writes FILE.html, FILE.json, and FILE.md: tables and commands for a
repository.

Example:
  python -m experiments.report --results=ours=runs/shop/itr/results.json \
      --results=ours=runs/shop/subcategory/results.json --output=runs/shop/results.html
"""

from __future__ import annotations

import os

from absl import app, flags, logging

from kaleido.cli import fail_clearly

FLAGS = flags.FLAGS

flags.DEFINE_multi_string(
    "results", [], "NAME=FILE.json, repeatable; a name may stand for several files."
)
flags.DEFINE_string("output", None, "HTML file of the page.", required=True)


@fail_clearly
def main(argv):
    del argv
    if not FLAGS.results:
        raise ValueError("--results=NAME=FILE.json is missing.")

    from kaleido.files import write_json, write_text
    from kaleido.reports.joint_report import (
        joint_markdown,
        joint_page,
        joint_tables,
        table_json,
    )
    from kaleido.results import parse_result

    stem, _ = os.path.splitext(FLAGS.output)
    for text in FLAGS.results:
        if os.path.abspath(text.partition("=")[2]) == os.path.abspath(f"{stem}.json"):
            raise ValueError(f"--output would replace its own input. Received: {text}")
    results = [parse_result(text) for text in FLAGS.results]
    made = joint_tables(results)
    write_json(f"{stem}.json", {"tables": [table_json(t) for t in made]})
    write_text(f"{stem}.md", joint_markdown(made, results))
    write_text(f"{stem}.html", joint_page(made, results))
    logging.info("page: %s.html", stem)


if __name__ == "__main__":
    app.run(main)
