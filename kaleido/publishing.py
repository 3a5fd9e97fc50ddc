"""Runs packed as a folder that people can take; see `model_folder`."""

from __future__ import annotations

import fnmatch
import os
import shutil
from typing import Any, Dict, Mapping, Optional, Sequence

from kaleido.commands import commands_of
from kaleido.files import read_json, write_json, write_text
from kaleido.model_folder import PARTS
from kaleido.provenance import library_versions, model_fingerprint
from kaleido.reports.model_card import model_card
from kaleido.result_tables import Result
from kaleido.serving.saved_model import export_saved_model, serving_module
from kaleido.workdir import (
    RunDescription,
    checkpoint_step,
    chosen_checkpoint,
    read_finetuning,
    read_run,
)

# Of a run's folder, what is needed to use it again.
_KEPT = ("config.json", "job.json", "vocab.txt", "notes.npz", "commands.json")


def part_of(workdir: str) -> str:
    """Returns which of `PARTS` a run is."""
    task = read_finetuning(workdir).get("task", "")
    return task if task in PARTS else "search"


def publish(
    workdirs: Sequence[str], output: str, about: Mapping[str, str],
    results: Sequence[Result], backbone_weights: Optional[str] = None,
    saliency_weights: Optional[str] = None,
) -> Dict[str, Any]:
    """Packs runs; the folder appears whole or not at all.

    Args:
        workdirs: the runs, one a part.
        output: the folder; must not be there.
        about: what the card says: `name`, `data`, `licence`, `limits`.
        results: scores, for the card.
        backbone_weights, saliency_weights: see `PictureReader`.

    Returns:
        The content of `model.json`.

    Raises:
        ValueError: if the folder is there, two runs are the same part, or scores are
            of another model.
    """
    if os.path.exists(output):
        raise ValueError(f"{output} is there already. Take another folder.")
    parts: Dict[str, str] = {}
    for workdir in workdirs:
        part = part_of(workdir)
        if part in parts:
            raise ValueError(
                f"One run a part: {part!r} is both of {parts[part]} and {workdir}."
            )
        parts[part] = workdir
    modules = {
        part: serving_module(workdir, backbone_weights, saliency_weights)
        for part, workdir in parts.items()
    }
    fingerprints = {
        part: model_fingerprint(module.networks, module.heads)
        for part, module in modules.items()
    }
    _check_results(results, fingerprints)
    temporary = f"{output.rstrip('/')}.tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    content: Dict[str, Any] = {
        "about": dict(about), "versions": library_versions(), "parts": {},
    }
    for part, workdir in parts.items():
        folder = os.path.join(temporary, part)
        run = read_run(workdir)
        content["parts"][part] = {
            "step": checkpoint_step(chosen_checkpoint(workdir)),
            "model": fingerprints[part],
            "trained_on": list(run.trained_on),
            "records": run.spec.fingerprint,
            "backbone": run.spec.backbone,
            "backbone_weights": run.spec.backbone_fingerprint,
            "saliency_weights": run.spec.saliency_fingerprint,
            "vocabulary": run.spec.vocabulary_fingerprint,
            "commands": commands_of(workdir),
            "recipe": _recipe(run, workdir),
        }
        export_saved_model(modules[part], os.path.join(folder, "export"))
        _copy_run(workdir, os.path.join(folder, "run"))
    write_json(os.path.join(temporary, "model.json"), content)
    write_text(os.path.join(temporary, "README.md"), model_card(content, results))
    os.replace(temporary, output)
    return content


def _check_results(results, fingerprints):
    """Refuses scores that are not of one of the parts, before anything is written."""
    for result in results:
        model = result.content["provenance"]["model"]
        if model not in fingerprints.values():
            raise ValueError(
                f"--results={result.name}=... is of another model than those that are "
                f"packed. Received: {model}; packed are {fingerprints}"
            )


def _recipe(run: RunDescription, workdir: str) -> Dict[str, Any]:
    """Returns the few numbers that a reader asks for first."""
    config = run.config.to_dict()
    finetuning = read_finetuning(workdir)
    training = finetuning.get("training") or config["training"]
    model = run.config.model
    return {
        "layers": model.num_layers, "hidden_size": model.hidden_size,
        "tasks": sorted(run.config.active_tasks()),
        "learning_rate": training["learning_rate"], "init": run.config.training.init,
        "seed": training["seed"], "context": finetuning.get("context", "none"),
    }


def _copy_run(workdir: str, output: str) -> None:
    os.makedirs(os.path.join(output, "checkpoints"))
    for name in os.listdir(workdir):
        # What a converted run knows of classes, too.
        if name in _KEPT or fnmatch.fnmatch(name, "head_*.npz"):
            shutil.copy(os.path.join(workdir, name), output)
    prefix = chosen_checkpoint(workdir)
    stem = os.path.basename(prefix)
    for name in os.listdir(os.path.dirname(prefix)):
        if name.startswith(f"{stem}."):
            path = os.path.join(os.path.dirname(prefix), name)
            shutil.copy(path, os.path.join(output, "checkpoints"))
    write_text(
        os.path.join(output, "checkpoints", "checkpoint"),
        f'model_checkpoint_path: "{stem}"\n',
    )


def read_about(path: str) -> Dict[str, str]:
    """Reads what the card is to say of data, licence and limits.

    Raises:
        ValueError: if the file lacks a part of it.
    """
    about = read_json(path)
    missing = {"name", "data", "licence", "limits"} - set(about)
    if missing:
        raise ValueError(
            f"{path} must say {sorted(missing)}, too. Received: {sorted(about)}"
        )
    return about
