r"""Compares a converted checkpoint with what the authors' code returns.

FIXTURE holds a checkpoint, config.json, and io.npz: inputs `in_*` of one batch, and
outputs `out_*` of the authors' network, without dropout. Prints one JSON line: of each
output the largest absolute difference, null where it is no number, of all outputs by
the model that evaluation and export run, which outputs the fixture lacks, and how many
variables were used and left. Ends with exit code 1 where a difference is above
--tolerance, or a variable is left.

Example:
  python -m experiments.verify_checkpoint --fixture=$KALEIDO_DATA/reference_checkpoint
"""

from __future__ import annotations

import json
import math
import sys
from typing import Optional

from absl import app, flags

from kaleido.cli import fail_clearly

FLAGS = flags.FLAGS

flags.DEFINE_string("fixture", None, "Folder of the fixture.", required=True)
flags.DEFINE_float("tolerance", 2e-5, "Largest difference that agrees.")


@fail_clearly
def main(argv):
    del argv
    from kaleido.interop.verification import verify

    found = verify(FLAGS.fixture)
    joint = found["joint_largest"]
    largest = max(found["largest"], 0.0 if joint is None else joint)
    agrees = largest <= FLAGS.tolerance and not found["variables_left"]
    differences = {name: _number(v) for name, v in found["differences"].items()}
    found = {
        **found, "differences": differences, "largest": _number(found["largest"]),
        "joint_largest": None if joint is None else _number(joint),
    }
    print(json.dumps({**found, "tolerance": FLAGS.tolerance, "agrees": agrees}))
    if not agrees:
        sys.exit(1)


def _number(value: float) -> Optional[float]:
    """JSON has no name for what is no number: null."""
    return value if math.isfinite(value) else None


if __name__ == "__main__":
    app.run(main)
