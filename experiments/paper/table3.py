r"""The paper's Table 3: category, sub-category and captions, beside FashionBERT.

Pre-trains FashionBERT and ours on the same catalogue and fine-tunes each for the three
tasks, see `experiments/paper/cells.py`. Writes OUTPUT/table3.html, .md and .json.

Example:
  python -m experiments.paper.table3 --scale=small --output=runs/paper
"""

from experiments.paper import pages

if __name__ == "__main__":
    pages.run("table3")
