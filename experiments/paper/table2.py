r"""The paper's Table 2: retrieval, both ways, beside FashionBERT and published rows.

Pre-trains FashionBERT and ours on the same catalogue and ranks the products of the test
split, see `experiments/paper/cells.py`. Writes OUTPUT/table2.html, .md and .json.

Example:
  python -m experiments.paper.table2 --scale=small --output=runs/paper
"""

from experiments.paper import pages

if __name__ == "__main__":
    pages.run("table2")
