r"""Is A better than B? Compares two results of experiments.evaluate, query by query.

Prints one line of JSON and writes it to a file: by task and number of candidates the
difference of Rank@1 (A - B, in points), its 95 % interval and its p-value, by a paired
bootstrap. Both results are of one manifest (`--manifest` of experiments.evaluate); two
scorers of one file can be compared, too.

Example:
  python -m experiments.compare runs/myntra/a.json runs/myntra/b.json \
      --output=runs/myntra/a_and_b.json
  python -m experiments.compare runs/myntra/a.json runs/myntra/a.json \
      --scorer=both --other_scorer=corrected --output=runs/myntra/both.json
"""

from __future__ import annotations

import json

from absl import app, flags

from kaleido.cli import fail_clearly

FLAGS = flags.FLAGS

flags.DEFINE_string("scorer", "", "Of A; by default its results' primary one.")
flags.DEFINE_string("other_scorer", "", "Of B; by default that of A's flag.")
flags.DEFINE_string("output", None, "JSON file of the comparison.", required=True)


@fail_clearly
def main(argv):
    from kaleido.comparison import compare, load_outcomes
    from kaleido.files import write_json

    if len(argv) != 3:
        raise ValueError(f"Two results files are compared. Received: {argv[1:]}")
    found = compare(
        load_outcomes(argv[1], FLAGS.scorer),
        load_outcomes(argv[2], FLAGS.other_scorer or FLAGS.scorer),
    )
    write_json(FLAGS.output, found)
    print(json.dumps(found))


if __name__ == "__main__":
    app.run(main)
