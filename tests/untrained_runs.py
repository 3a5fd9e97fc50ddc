"""Runs that nobody trained, of records as a shop would make them."""

import os

import numpy as np
import tensorflow as tf

from kaleido import workdir
from kaleido.files import write_arrays, write_json
from kaleido.finetuning_config import default_finetuning
from kaleido.models import networks_for
from kaleido.preprocessing import Preprocessor
from tests import tiny_records

CLASSES = ("boots", "coats", "scarves")


def untrained(folder, task=""):
    """A run with random weights, or a fine-tuning of one."""
    spec = Preprocessor(
        tiny_records.VOCABULARY, saliency_method="none", crop_size=32,
        whole_crop_size=64, max_tokens=12, num_plans=1,
    ).spec
    config = tiny_records.tiny_config(model={"num_layers": 1})
    tf.keras.utils.set_random_seed(0)
    networks = networks_for(config, spec)
    workdir.write_untrained(folder, config, spec, networks, tiny_records.VOCABULARY, {})
    if not task:
        return folder
    write_json(
        os.path.join(folder, "job.json"),
        {"finetuning": default_finetuning(task).to_dict()},
    )
    notes = {"pieces": np.ones(spec.vocab_size, bool)}
    if task == "subcategory":
        notes = {"classes": np.array([name.encode() for name in CLASSES])}
        parts = {"joint": networks.joint, "text": networks.text}
        layer = tf.keras.layers.Dense(len(CLASSES))
        layer.build([None, config.model.hidden_size])
        tf.train.CheckpointManager(
            tf.train.Checkpoint(**parts, image=networks.image, classifier=layer),
            os.path.join(folder, "checkpoints"), 1,
        ).save(checkpoint_number=1)
    write_arrays(workdir.notes_path(folder), notes)
    return folder
