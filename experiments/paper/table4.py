r"""The paper's Table 4: what patches, masks and pre-training tasks are each worth.

Ten pre-trainings, each fine-tuned for every task, see `experiments/paper/cells.py`.
Writes OUTPUT/table4.html, .md and .json.

Example:
  python -m experiments.paper.table4 --scale=small --output=runs/paper
"""

from experiments.paper import pages

if __name__ == "__main__":
    pages.run("table4")
