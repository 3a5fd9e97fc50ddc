r"""Runs the benchmarks; prints a table, writes OUTPUT/report.json.

Example:
  python -m experiments.benchmarks.run --output=runs/bench --only=input_speed
"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys

from absl import app, flags, logging

from kaleido.cli import fail_clearly

FLAGS = flags.FLAGS

# Module and function of each.
BENCHMARKS = {
    "train_step": ("bert_pytorch", "train_step"),
    "scoring": ("bert_pytorch", "scoring"),
    "records_build": ("records_build", "run"),
    "input_speed": ("input_speed", "run"),
    "fit_overhead": ("fit_overhead", "run"),
    "kernels": ("kernels", "run"),
}

flags.DEFINE_string("output", "runs/bench", "Folder of the report.")
flags.DEFINE_list("only", list(BENCHMARKS), "Which benchmarks.")
flags.DEFINE_bool("in_process", False, "Runs one benchmark here, not in a child.")


@fail_clearly
def main(argv):
    del argv
    from kaleido.files import read_json, write_json

    unknown = set(FLAGS.only) - set(BENCHMARKS)
    if unknown:
        raise ValueError(
            f"--only takes names of {tuple(BENCHMARKS)}. Received: {sorted(unknown)}"
        )
    os.makedirs(FLAGS.output, exist_ok=True)
    if FLAGS.in_process:
        name = FLAGS.only[0]
        module, function = BENCHMARKS[name]
        module = importlib.import_module(f"experiments.benchmarks.{module}")
        entries = getattr(module, function)()
        write_json(os.path.join(FLAGS.output, f"{name}.json"), entries)
        return
    entries = []
    for name in FLAGS.only:
        logging.info("benchmark %s", name)
        # A process each: policies, threads and memory of one do not reach the
        # next.
        command = [
            sys.executable, "-m", "experiments.benchmarks.run", "--in_process",
            f"--only={name}", f"--output={FLAGS.output}",
        ]
        code = subprocess.run(command, check=False).returncode
        if code:
            raise ValueError(
                f"benchmark {name} failed with exit code {code}; see above (-9 is "
                "the system's answer to too little memory)."
            )
        entries += read_json(os.path.join(FLAGS.output, f"{name}.json"))
    write_json(os.path.join(FLAGS.output, "report.json"), entries)
    width = max(len(e["name"]) for e in entries)
    print(f"{'':{width}}   ratio    goal")
    for e in entries:
        sign = "≤" if e["at_most"] else "≥"
        mark = "" if e["reached"] else "   missed"
        print(f"{e['name']:{width}} {e['ratio']:7.2f}  {sign} {e['goal']:.2f}{mark}")


if __name__ == "__main__":
    app.run(main)
