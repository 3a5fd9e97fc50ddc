r"""The paper's Table 4: what patches, masks and pre-training tasks are each worth.

Ten pre-trainings, each fine-tuned for every task, see `experiments/paper/cells.py`.
Writes OUTPUT/table4.html, .md and .json.

Example:
  python -m experiments.paper.table4 --scale=small --output=runs/paper
"""

from absl import app, flags

from experiments.paper import cells, pages
from kaleido.cli import fail_clearly

cells.define()
# So that --help shows them.
flags.adopt_module_key_flags(cells)


@fail_clearly
def main(argv):
    del argv
    pages.write_table("table4")


if __name__ == "__main__":
    app.run(main, flags_parser=cells.parse_flags)
