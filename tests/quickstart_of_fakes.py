"""`experiments.quickstart` whose binaries are no more than what they read and write.

Appends a line to OUTPUT/calls.txt for each, and ends with what publishes; a file or
folder that a binary is to read, and that none has written, is an error.
"""

import os
import sys

from absl import app

from experiments import quickstart
from kaleido.files import write_text
from kaleido.task_results import results_path

# What they read, and what they write, by flags.
READ = {
    "tfrecords.build": ("captioner",),
    "experiments.pretrain": ("config", "records"),
    "experiments.evaluate": ("records", "workdir"),
    "experiments.finetune": ("records", "checkpoint"),
    "experiments.publish": ("workdir", "about", "results"),
}
FOLDERS = {
    "experiments.train_captioner": "output", "tfrecords.build": "output",
    "experiments.pretrain": "workdir", "experiments.finetune": "workdir",
}


def fake_binary(module, *arguments):
    given = [argument[2:].partition("=")[::2] for argument in arguments]
    with open(os.path.join(quickstart.FLAGS.output, "calls.txt"), "a") as file:
        file.write(" ".join([module, *arguments]) + "\n")
    for name, value in given:
        if name in READ.get(module, ()):
            # Results stand behind their label.
            path = value.partition("=")[2] if name == "results" else value
            assert os.path.exists(path), (module, name, path)
    values = dict(given)
    if module in FOLDERS:
        os.makedirs(values[FOLDERS[module]])
    if module == "experiments.evaluate":
        write_text(values["output"], "")
    if module == "experiments.finetune":
        write_text(results_path(values["workdir"], values["split"]), "")
    if module == "experiments.publish":
        sys.exit(0)


if __name__ == "__main__":
    quickstart.run_binary = fake_binary
    app.run(quickstart.main)
