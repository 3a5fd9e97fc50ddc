r"""The paper's Table 3: category, sub-category and captions, beside FashionBERT.

Pre-trains FashionBERT and ours on the same catalogue and fine-tunes each for the three
tasks, see `experiments/paper/cells.py`. Writes OUTPUT/table3.html, .md and .json.

Example:
  python -m experiments.paper.table3 --scale=small --output=runs/paper
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
    pages.write_table("table3")


if __name__ == "__main__":
    app.run(main, flags_parser=cells.parse_flags)
