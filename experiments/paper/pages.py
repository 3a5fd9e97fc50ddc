"""Runs what a table or a figure of the paper needs, and writes its page."""

from __future__ import annotations

import os

from absl import flags, logging

from experiments.paper import cells

FLAGS = flags.FLAGS


def write_table(name: str) -> None:
    """Runs the cells of a table, and writes it after each of them.

    Args:
        name: `table2`, `table3` or `table4`.
    """
    from kaleido.files import write_json, write_text
    from kaleido.paper.tables import CELLS, paper_tables
    from kaleido.reports.paper_report import table_markdown, table_page

    for runs in cells.run_cells(CELLS[name]):
        report = {**_told(), "rows": runs, "tables": paper_tables(name, runs)}
        write_json(_path(f"{name}.json"), report)
        write_text(_path(f"{name}.md"), table_markdown(report))
        write_text(_path(f"{name}.html"), table_page(report))
    logging.info("page: %s", _path(f"{name}.html"))


def write_figure(number: int, what: str) -> None:
    """Trains ours, and draws its curves on validation.

    Args:
        number: of the paper's figure.
        what: `loss` or `accuracy`.
    """
    from kaleido.callbacks import metrics_path, read_lines
    from kaleido.files import write_bytes, write_json, write_text
    from kaleido.paper.curves import curves, plot_curves
    from kaleido.paper.rows import OURS
    from kaleido.reports.page import figure_png
    from kaleido.reports.paper_report import figure_page

    cells.check_flags()
    runs = {
        seed: read_lines(metrics_path(cells.pretrained(OURS, seed)))
        for seed in cells.seeds()
    }
    found = curves(runs, what)
    png = figure_png(plot_curves(found, what))
    name = f"figure{number}"
    report = {**_told(), "number": number, "what": what, "curves": found}
    write_bytes(_path(f"{name}.png"), png)
    write_json(_path(f"{name}.json"), report)
    write_text(_path(f"{name}.html"), figure_page(report, png))
    logging.info("page: %s", _path(f"{name}.html"))


def _told():
    """What every page says of its runs."""
    from kaleido.commands import command_line

    return {
        "scale": FLAGS.scale, "seeds": cells.seeds(), "command": command_line(),
        "reused": cells.reused_and_how(), "init": FLAGS.init,
    }


def _path(name):
    return os.path.join(FLAGS.output, name)
