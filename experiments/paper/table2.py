r"""The paper's Table 2: retrieval, both ways, beside FashionBERT and published rows.

Pre-trains FashionBERT and ours on the same catalogue and ranks the products of the test
split, see `experiments/paper/cells.py`. Writes OUTPUT/table2.html, .md and .json.

Example:
  python -m experiments.paper.table2 --scale=small --output=runs/paper
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
    pages.write_table("table2")


if __name__ == "__main__":
    app.run(main, flags_parser=cells.parse_flags)
