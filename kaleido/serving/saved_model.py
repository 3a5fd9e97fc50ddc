"""One SavedModel that takes picture bytes and strings.

Tokenizer, saliency, crops, backbone and Kaleido-BERT in one graph. Whoever
loads it needs TensorFlow and tensorflow_text (for the tokenizer's op), nothing
of ours.
"""

from __future__ import annotations

import os
import shutil

import tensorflow as tf

from kaleido import workdir
from kaleido.caption_context import CaptionContext
from kaleido.classifier import Classifier
from kaleido.files import read_arrays
from kaleido.finetuning_config import CLASSIFICATION_TASKS, FinetuningConfig
from kaleido.generator import Generator
from kaleido.serving.caption_module import CaptionModule
from kaleido.serving.class_module import ClassModule
from kaleido.serving.picture_reader import PictureReader
from kaleido.serving.search_module import SearchModule
from kaleido.serving.serving_module import ServingModule
from kaleido.text import load_vocabulary


def serving_module(
    directory: str,
    backbone_weights: str | None = None,
    saliency_weights: str | None = None,
) -> ServingModule:
    """Builds what a run has learnt to do, in float32, whatever trained it.

    Args:
        directory: folder of a pre-training or a fine-tuning.
        backbone_weights, saliency_weights: see `PictureReader`.

    Raises:
        ValueError: if the folder holds no trained run, nobody knows how its records
            were made, or weights are not theirs.
    """
    run, networks, _ = workdir.load_networks(directory, precision="float32")
    run.spec.require_known()
    pictures = PictureReader(
        run.spec, run.config.model.positions, backbone_weights, saliency_weights
    )
    vocabulary = load_vocabulary(run.vocabulary)
    shared = networks, run.spec, vocabulary, pictures
    layout, task, finetuning = None, "", workdir.read_finetuning(directory)
    if finetuning:
        # What was trained before there were closed forms has none.
        config = FinetuningConfig.from_dict({"closed_forms": False, **finetuning})
        task = config.task
        if config.joins_closed_forms(run.config):
            layout = run.spec.patch_layout
    if task == "caption":
        notes = read_arrays(workdir.notes_path(directory))
        context = CaptionContext.from_notes(notes, run.spec.patch_layout)
        generator = Generator(
            networks, vocabulary, notes["pieces"], copies=bool(context), layout=layout
        )
        workdir.restore_parts(directory, **generator.saved)
        return CaptionModule(*shared, generator, context)
    if task in CLASSIFICATION_TASKS:
        names = read_arrays(workdir.notes_path(directory))["classes"]
        classifier = Classifier(networks, len(names), config.inputs, layout)
        workdir.restore_parts(directory, **classifier.saved)
        return ClassModule(*shared, classifier, names)
    return SearchModule(*shared, tasks=run.config.active_tasks())


def export_saved_model(module: ServingModule, directory: str) -> None:
    """Writes the SavedModel; the folder appears whole or not at all.

    Args:
        module: what to write.
        directory: where to.

    Raises:
        ValueError: if the folder holds something else than a SavedModel.
    """
    if os.path.isdir(directory) and os.listdir(directory):
        if not os.path.exists(os.path.join(directory, "saved_model.pb")):
            raise ValueError(
                f"{directory} holds other files than a SavedModel; it would be "
                f"replaced. Received: {sorted(os.listdir(directory))[:5]}"
            )
    temporary = f"{directory.rstrip('/')}.tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    tf.saved_model.save(
        module,
        temporary,
        signatures=module.signatures(),
        options=tf.saved_model.SaveOptions(experimental_custom_gradients=False),
    )
    shutil.rmtree(directory, ignore_errors=True)
    os.replace(temporary, directory)
