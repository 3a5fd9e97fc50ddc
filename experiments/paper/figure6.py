r"""The paper's Figure 6: the loss of each pre-training task on validation, by step.

Pre-trains ours, see `experiments/paper/cells.py`. Writes OUTPUT/figure6.html, .md,
.png and .json.

Example:
  python -m experiments.paper.figure6 --scale=small --output=runs/paper
"""

from experiments.paper import pages

if __name__ == "__main__":
    pages.run("figure6")
