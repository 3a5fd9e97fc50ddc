r"""Draws the manifest of a split: who is asked, and among whom.

What training knows of the split (a product, a byte-identical picture) is left out and
counted. `experiments.evaluate --manifest` takes the file for any model, on any records
of the same catalogue.

Example:
  python -m experiments.make_manifest --records=runs/myntra/records --split=test \
      --output=runs/myntra/test.manifest.json
"""

from __future__ import annotations

import json

from absl import app, flags

from kaleido.cli import fail_clearly

FLAGS = flags.FLAGS

flags.DEFINE_string("records", None, "Folder of `tfrecords.build`.", required=True)
flags.DEFINE_string("split", "test", "Split that is the pool and the queries.")
flags.DEFINE_integer("seed", 0, "Seed of all draws.", lower_bound=0)
flags.DEFINE_integer("draws", 5, "Candidate lists of a query.", lower_bound=1)
flags.DEFINE_string("output", None, "JSON file of the manifest.", required=True)


@fail_clearly
def main(argv):
    del argv
    from kaleido import pools, records
    from kaleido.files import write_text

    record_set = records.open_records(FLAGS.records)
    manifest = pools.draw_test(record_set, FLAGS.split, FLAGS.seed, FLAGS.draws)
    write_text(FLAGS.output, manifest.to_json())
    print(json.dumps(manifest.summary()))


if __name__ == "__main__":
    app.run(main)
