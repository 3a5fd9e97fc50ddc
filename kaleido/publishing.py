"""Runs packed as a folder that people can take; see `model_folder`."""

from __future__ import annotations

import fnmatch
import os
import shutil
import tempfile
from typing import Any, Dict, List, Mapping, Optional, Sequence

from kaleido.commands import commands_of
from kaleido.files import read_json, write_json, write_text
from kaleido.model_folder import PARTS
from kaleido.provenance import library_versions, model_fingerprint
from kaleido.reports.model_card import model_card
from kaleido.results import Result, parse_result
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
        about: what the card says: `name`, `data`, `licence`, `limits`, and it may be
            `bias`.
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
    content: Dict[str, Any] = {
        "about": dict(about), "versions": library_versions(), "parts": {},
    }
    for part, workdir in parts.items():
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
    beside, name = os.path.split(os.path.abspath(output))
    os.makedirs(beside, exist_ok=True)
    # On the same disk, and nobody else's.
    temporary = tempfile.mkdtemp(prefix=f"{name}.", dir=beside)
    try:
        fresh = os.path.join(temporary, name)
        for part, workdir in parts.items():
            folder = os.path.join(fresh, part)
            export_saved_model(modules[part], os.path.join(folder, "export"))
            _copy_run(workdir, os.path.join(folder, "run"))
        write_json(os.path.join(fresh, "model.json"), content)
        write_text(os.path.join(fresh, "README.md"), model_card(content, results))
        os.replace(fresh, output)
    finally:
        shutil.rmtree(temporary)
    return content


def _check_results(results, fingerprints):
    """Refuses scores that are not of one of the parts, before anything is written."""
    for result in results:
        model = _model_of(result)
        if model not in fingerprints.values():
            raise ValueError(
                f"--results={result.name}=... is of another model than those that are "
                f"packed. Received: {model}; packed are {fingerprints}"
            )


def _model_of(result: Result) -> Optional[str]:
    return result.content.get("provenance", {}).get("model")


def read_results(texts: Sequence[str]) -> List[Result]:
    """Reads scores for the card.

    Args:
        texts: NAME=FILE.json, see `results.parse_result`.

    Raises:
        ValueError: if a file does not say which model its scores are of; names it.
    """
    results = [parse_result(text) for text in texts]
    for text, result in zip(texts, results):
        if not _model_of(result):
            raise ValueError(
                f"{text.partition('=')[2]} does not say which model its scores are of "
                "(no provenance). Evaluate it again. Received: "
                f"{sorted(result.content)}"
            )
    return results


def _recipe(run: RunDescription, workdir: str) -> Dict[str, Any]:
    """Returns the few numbers that a reader asks for first.

    `trained` is the last training, None of a run that was not trained here;
    `pretraining` what a fine-tuning went on from, None where there is none that is
    known. A fine-tuning keeps neither tasks nor batches of its pre-training, which its
    commands tell.
    """
    config = run.config
    finetuning = read_finetuning(workdir)
    pretraining = {
        "learning_rate": config.training.learning_rate, "steps": config.training.steps,
        "seed": config.training.seed, "init": config.training.init,
    }
    here = finetuning or config.to_dict()
    trained = {
        **{k: here["training"][k] for k in ("learning_rate", "steps", "seed")},
        "batch_size": here["data"]["batch_size"],
    }
    if not finetuning:
        trained["init"] = config.training.init
    goes_on = finetuning.get("start") == "pretrained"
    return {
        "layers": config.model.num_layers, "hidden_size": config.model.hidden_size,
        "tasks": sorted(config.active_tasks()),
        "finetuned_for": finetuning.get("task", ""),
        "start": finetuning.get("start", ""),
        # Of what was not trained here nobody knows the examples.
        "trained": trained if run.records_content else None,
        "pretraining": pretraining if goes_on and any(run.ancestors[:1]) else None,
        "inputs": finetuning.get("inputs", "both"),
        "context": finetuning.get("context", "none"),
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
    """Reads what the card is to say of data, licence and limits, and of bias.

    Raises:
        ValueError: if the file lacks a part of it; `bias` may be missing.
    """
    about = read_json(path)
    missing = {"name", "data", "licence", "limits"} - set(about)
    if missing:
        raise ValueError(
            f"{path} must say {sorted(missing)}, too. Received: {sorted(about)}"
        )
    return about
