"""What each binary of the paper's experiments runs, and the page that it writes."""

from __future__ import annotations

import os

from absl import app, flags, logging

from experiments.paper import cells
from kaleido.cli import fail_clearly

FLAGS = flags.FLAGS
# What is made key here is the binary's that asked for it: so --help shows it.
flags.disclaim_key_flags()
cells.define()

# By name of the binary, the number and what the curves are of.
_FIGURES = {"figure6": (6, "loss"), "figure7": (7, "accuracy")}


def run(name: str) -> None:
    """Runs what a table or a figure needs, and writes its page.

    Args:
        name: `table2`, `table3`, `table4`, `figure6` or `figure7`.
    """
    flags.adopt_module_key_flags(cells)

    @fail_clearly
    def main(argv):
        del argv
        write = _write_figure if name in _FIGURES else _write_table
        write(name)
        logging.info("page: %s", _path(f"{name}.html"))

    app.run(main, flags_parser=cells.parse_flags)


def _write_table(name):
    """Writes the table after each of its cells."""
    from kaleido.files import write_json, write_text
    from kaleido.paper.tables import CELLS, paper_tables
    from kaleido.reports.paper_report import table_markdown, table_page

    for runs in cells.run_cells(CELLS[name]):
        report = {**cells.told(), "rows": runs, "tables": paper_tables(name, runs)}
        write_json(_path(f"{name}.json"), report)
        write_text(_path(f"{name}.md"), table_markdown(report))
        write_text(_path(f"{name}.html"), table_page(report))


def _write_figure(name):
    from kaleido.callbacks import metrics_path, read_lines
    from kaleido.files import write_bytes, write_json, write_text
    from kaleido.paper.curves import curves, plot_curves
    from kaleido.paper.rows import OURS
    from kaleido.reports.page import figure_png
    from kaleido.reports.paper_report import figure_markdown, figure_page

    number, what = _FIGURES[name]
    cells.claim_output([OURS])
    runs = {
        seed: read_lines(metrics_path(cells.pretrained(OURS, seed)))
        for seed in cells.seeds()
    }
    found = curves(runs, what)
    png = figure_png(plot_curves(found, what))
    report = {**cells.told(), "number": number, "what": what, "curves": found}
    write_bytes(_path(f"{name}.png"), png)
    write_json(_path(f"{name}.json"), report)
    write_text(_path(f"{name}.md"), figure_markdown(report))
    write_text(_path(f"{name}.html"), figure_page(report, png))


def _path(name):
    return os.path.join(FLAGS.output, name)
