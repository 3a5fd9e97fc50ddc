r"""The paper's Figure 7: the accuracy of each pre-training task on validation, by step.

Pre-trains ours, see `experiments/paper/cells.py`. Writes OUTPUT/figure7.html, .png
and .json.

Example:
  python -m experiments.paper.figure7 --scale=small --output=runs/paper
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
    pages.write_figure(7, "accuracy")


if __name__ == "__main__":
    app.run(main, flags_parser=cells.parse_flags)
