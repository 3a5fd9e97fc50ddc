r"""The paper's Figure 7: the accuracy of each pre-training task on validation, by step.

Pre-trains ours, see `experiments/paper/cells.py`. Writes OUTPUT/figure7.html, .md,
.png and .json.

Example:
  python -m experiments.paper.figure7 --scale=small --output=runs/paper
"""

from experiments.paper import pages

if __name__ == "__main__":
    pages.run("figure7")
