"""Every binary explains itself, and says in one line what is wrong."""

import os
import pathlib
import subprocess
import sys

import pytest
import tensorflow as tf

from kaleido import workdir
from kaleido.files import claim_folder
from kaleido.models import networks_for
from tests import tiny_records
from tests.test_captioner import written

ROOT = pathlib.Path(__file__).resolve().parent.parent
BINARIES = (
    "tfrecords.build", "tfrecords.render_catalog", "experiments.pretrain",
    "experiments.evaluate", "experiments.make_manifest", "experiments.compare",
    "experiments.export", "experiments.quickstart", "experiments.finetune",
    "experiments.report", "experiments.starts",
    "experiments.train_captioner", "experiments.train_saliency", "experiments.ladder",
    "experiments.evaluate_alignment", "experiments.evaluate_saliency",
    "experiments.convert_checkpoint", "experiments.verify_checkpoint",
    "experiments.publish", "experiments.paper.table2", "experiments.paper.table3",
    "experiments.paper.table4", "experiments.paper.figure6",
    "experiments.paper.figure7",
)
CONFIG = """
from tests.tiny_records import tiny_config

def get_config():
    return tiny_config().to_config_dict()
"""


def start(module, *arguments):
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments], cwd=ROOT,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )


def outcome(process):
    output, errors = process.communicate(timeout=300)
    return process.returncode, output, errors


# 15 s of processor time.
@pytest.mark.slow
def test_help_shows_the_example_and_the_flags():
    started = {module: start(module, "--help") for module in BINARIES}
    for module, process in started.items():
        code, output, errors = outcome(process)
        # absl's help ends with 1.
        assert code in (0, 1), errors
        assert "Traceback" not in errors
        assert "Example" in output and f"python -m {module}" in output, output
        folders = ("--output:", "--workdir:", "--fixture:")
        assert any(flag in output for flag in folders), output


# 40 s of processor time: most of it imports TensorFlow, once a case.
@pytest.mark.slow
def test_bad_input_ends_in_one_clear_line(tmp_path):
    config = tmp_path / "config.py"
    config.write_text(CONFIG)
    record_set = tiny_records.write_tiny_records(str(tmp_path / "records"), 16, 8)
    trained_only = tiny_records.write_tiny_records(str(tmp_path / "train"), 16, 0)
    others = tiny_records.write_tiny_records(
        str(tmp_path / "others"), 16, 8, test=8, spec=tiny_records.tiny_spec(seed=5)
    )
    run, new = str(tmp_path / "run"), str(tmp_path / "new")
    workdir.claim_workdir(run, tiny_records.tiny_config(), record_set)
    networks = networks_for(tiny_records.tiny_config(), record_set.spec)
    tf.train.CheckpointManager(
        tf.train.Checkpoint(
            joint=networks.joint, text=networks.text, image=networks.image
        ),
        os.path.join(run, "checkpoints"), 1,
    ).save(checkpoint_number=3)

    def pretrain(records=record_set.directory, folder=new, config=config, *more):
        return start(
            "experiments.pretrain", f"--config={config}", f"--records={records}",
            f"--workdir={folder}", *more,
        )

    def evaluate(records, *more):
        return start(
            "experiments.evaluate", f"--workdir={run}", f"--records={records}",
            f"--output={tmp_path / 'results.json'}", *more,
        )

    # A captioner with a vocabulary of its own.
    learnt = tmp_path / "learnt"
    claim_folder(str(learnt), {"learnt_pieces": 500}, "the networks", ["*.npz"])
    (learnt / "vocab.txt").write_text("its own")
    (learnt / "captioner.npz").write_bytes(b"")

    # Captioners of another vocabulary, and damaged.
    others_words, damaged = tmp_path / "others_words", tmp_path / "damaged"
    for folder in (others_words, damaged):
        folder.mkdir()
        written(folder)
    with open(damaged / "captioner.npz", "r+b") as file:
        file.truncate(500)

    cases = {
        "holds no finished records": pretrain(records=tmp_path / "nothing"),
        "--config has no field 'nonsense'": pretrain(
            record_set.directory, new, config, "--config.training.nonsense=1"
        ),
        "--config has no field 'trainng'": pretrain(
            record_set.directory, new, config, "--config.trainng.steps=3"
        ),
        "there is no file": pretrain(config=tmp_path / "missing.py"),
        "none holds no finished records": pretrain(
            tmp_path / "none", new, "experiments/configs/preset.py:tiny"
        ),
        "missing.py.": pretrain(config=f"{tmp_path / 'missing.py'}:small"),
        "has no validation examples": pretrain(records=trained_only.directory),
        "seed: expected 0, received 5": pretrain(records=others.directory, folder=run),
        "invalid literal for int() with base 10: 'many'": pretrain(
            record_set.directory, new, config, "--config.training.steps=many"
        ),
        "made with another configuration": evaluate(others.directory),
        "has no test examples": evaluate(record_set.directory),
        "--source takes NAME=IMAGES:MASKS": start(
            "experiments.train_saliency", "--source=photos", f"--output={new}"
        ),
        "no pictures and masks of equal stem": start(
            "experiments.evaluate_saliency", f"--images={tmp_path}",
            f"--masks={tmp_path / 'none'}",
        ),
        "--networks takes captioner, grounder": start(
            "experiments.train_captioner", "--networks=poet", f"--output={new}"
        ),
        "--alignment=generated needs --captioner=FOLDER": start(
            "tfrecords.build", "--alignment=generated", f"--output={new}"
        ),
        "others_words/captioner.npz was trained with another vocabulary": start(
            "tfrecords.build", f"--captioner={others_words}", f"--output={new}"
        ),
        "damaged/captioner.npz is no weights file of ours, or is damaged": start(
            "tfrecords.build", f"--captioner={damaged}", f"--output={new}"
        ),
        "config.py is no weights file of ours, or is damaged": start(
            "tfrecords.build", f"--saliency_weights={config}", f"--output={new}"
        ),
        "flag --num_plans=0: 0 is not a positive integer": start(
            "tfrecords.build", "--num_plans=0", f"--output={new}"
        ),
        "flag --max_pairs=0: 0 is not a positive integer": start(
            "experiments.train_captioner", "--max_pairs=0", f"--output={new}"
        ),
        "learnt_pieces: 500 there, None asked for": start(
            "experiments.train_captioner", "--products=4", "--saliency=border",
            f"--output={learnt}",
        ),
        "holds no run": start(
            "experiments.export", f"--workdir={new}", f"--output={tmp_path / 'e'}"
        ),
    }
    for message, process in cases.items():
        code, _, errors = outcome(process)
        assert code != 0, message
        assert message in errors, f"{message!r} is not in {errors[-2000:]}"
        assert "Traceback" not in errors, errors[-2000:]
        # FATAL: what the flags library itself refuses.
        lines = [x for x in errors.splitlines() if x.startswith(("ERROR: ", "FATAL "))]
        assert len(lines) == 1 and message in lines[0]
    assert not os.path.exists(new)
    assert (learnt / "vocab.txt").read_text() == "its own"
