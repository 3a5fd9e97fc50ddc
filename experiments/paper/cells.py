"""What the commands of the paper's tables and figures share: flags, and the work.

Everything lies in --output: captioner/, records/<kind>/, manifest.json, and of each row
<row>/pretraining/seed_<seed> and <row>/<task>/seed_<seed>. Tables share rows, and what
is done is not done again.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import re
from typing import Dict, Iterator, List, Sequence

from absl import flags

from kaleido.cli import parse_config_flags, run_binary
from kaleido.paper.rows import ROWS, Row
from kaleido.paper.scales import (
    SCALES,
    Scale,
    finetuning_arguments,
    first_equal,
    pretraining_config,
)
from kaleido.paper.tables import Cell, paper_figures
from tfrecords import catalog_flags

FLAGS = flags.FLAGS

_SPLIT = "test"


def define() -> None:
    """Defines the flags."""
    catalog_flags.define()
    flags.adopt_module_key_flags(catalog_flags)
    flags.DEFINE_enum(
        "scale", "small", tuple(SCALES), "Minutes, a night of two cores, or the paper."
    )
    flags.DEFINE_list("seeds", None, "Seeds of the trainings; default: the scale's.")
    flags.DEFINE_string(
        "init", "",
        "What pre-trainings begin with, see `training.init`; default: the scale's. The "
        "paper begins with BERT-base, whose folder --scale=paper must name.",
    )
    flags.DEFINE_multi_string(
        "reuse", [],
        "PART=FOLDER, repeatable: takes a part that is there: captioner, "
        "records/<kind> (layout_saliency_masking), <row>/pretraining/seed_<seed>.",
    )
    flags.DEFINE_string("output", None, "Folder of everything.", required=True)


def parse_flags(argv: Sequence[str]) -> List[str]:
    """Parses all flags; without a catalogue takes that of the scale."""
    given = re.search("^--?scale[=\n](.*)", "\n".join(argv), re.MULTILINE)
    scale = SCALES.get(given.group(1) if given else "small")
    if scale and not any(re.match("--?catalog(=|$)", argument) for argument in argv):
        argv = [argv[0], *scale.catalog, *argv[1:]]
    return parse_config_flags(argv)


def seeds() -> Sequence[str]:
    """Returns the seeds of the trainings, each once."""
    return list(dict.fromkeys(FLAGS.seeds or _scale().seeds))


def run_cells(cells: Sequence[Cell]) -> Iterator[Dict[str, List[Dict[str, float]]]]:
    """Trains and evaluates what is not done yet, seed by seed.

    Yields:
        After each run, by name of the row, `paper_figures` of each seed that has any.

    Raises:
        ValueError: if the folder holds runs of other settings, or a binary fails.
    """
    from kaleido.metrics.captions import require_scorer
    from kaleido.run_grid import read_runs, run_grid

    check_flags()
    if any(cell.task == "caption" for cell in cells):
        require_scorer()
    for _ in run_grid(FLAGS.output, cells, cells, seeds(), _made_of, _run):
        rows: Dict[str, List[Dict[str, float]]] = {}
        for seed in seeds():
            done = read_runs(FLAGS.output, cells, [seed])
            by_row: Dict[str, Dict[str, Dict[str, float]]] = {}
            for cell in cells:
                if cell.name in done:
                    figures, = done[cell.name]
                    by_row.setdefault(cell.row.name, {})[cell.task] = figures
            for name, figures in by_row.items():
                rows.setdefault(name, []).append(paper_figures(figures))
        yield rows


def pretrained(row: Row, seed: str) -> str:
    """Returns the folder of a row's pre-training, trained unless it is there."""
    part = _pretraining(row, seed)
    folder = _part(part)
    if part not in _reused():
        _pretrain(row, seed, folder)
    return folder


@functools.lru_cache
def _pretrain(row, seed, workdir):
    run_binary(
        "experiments.pretrain", f"--records={_records(row)}", f"--workdir={workdir}",
        f"--config=experiments/configs/paper.py:{FLAGS.scale}/{row.folder}",
        f"--seed={seed}", *_scale().pretraining, *_init(),
    )


def _init():
    return (f"--config.training.init={FLAGS.init}",) if FLAGS.init else ()


def _scale() -> Scale:
    return SCALES[FLAGS.scale]


def check_flags() -> None:
    """Raises a ValueError if flags are missing, or name what is not there.

    Claims --output for a scale, a catalogue and its seed.
    """
    from kaleido.files import claim_folder

    if not _scale().catalog and not FLAGS["catalog"].present:
        raise ValueError(f"--catalog is missing, which --scale={FLAGS.scale} needs.")
    if _scale().begins_with_bert and not FLAGS.init:
        raise ValueError(
            f"--init is missing, which --scale={FLAGS.scale} needs: a folder of "
            "BERT-base's weights, or `random`."
        )
    if not all(re.fullmatch(r"\d+", seed) for seed in seeds()):
        raise ValueError(f"--seeds takes whole numbers. Received: {FLAGS.seeds}")
    rows = ROWS.values()
    trained = {_pretraining(row, seed): row for row in rows for seed in seeds()}
    records = {f"records/{row.records}": row for row in rows}
    known = dict.fromkeys(["captioner", *records, *trained])
    for part, folder in _reused().items():
        if part not in known:
            raise ValueError(f"--reuse knows {', '.join(known)}. Received: {part!r}")
        if not os.path.isdir(folder):
            raise ValueError(f"--reuse: there is no folder. Received: {folder!r}")
        if part in records:
            _check_reused_records(part, records[part])
        if part in trained:
            _check_reused(part, trained[part])
    claim_folder(FLAGS.output, _claim(), "the paper's experiments", ["*/*"])


def _check_reused_records(part, row):
    """Refuses records of another kind; how words were aligned, the page says."""
    from kaleido.records import open_records

    spec = open_records(_reused()[part]).spec
    for name in ("layout", "saliency", "masking"):
        if getattr(spec, name) != getattr(row, name):
            raise ValueError(
                f"--reuse={part}=... takes records of {name}={getattr(row, name)}. "
                f"Received: {getattr(spec, name)} in {_reused()[part]}"
            )


def reused_and_how() -> List[str]:
    """Returns what was not made here, as pages tell it."""
    from kaleido.records import open_records

    return [
        f"{part}={folder}"
        + (
            f" (alignment: {open_records(folder).spec.alignment})"
            if part.startswith("records/") else ""
        )
        for part, folder in _reused().items()
    ]


def _check_reused(part, row):
    """Refuses a pre-training that is not its row's: of other records, or tasks."""
    from kaleido.config import PAPER_TASKS
    from kaleido.records import open_records
    from kaleido.workdir import read_run

    records = f"records/{row.records}"
    if records not in _reused():
        raise ValueError(f"--reuse={part}=... needs --reuse={records}=..., too.")
    run, trained_on = read_run(_reused()[part]), open_records(_reused()[records])
    if run.records_content != trained_on.content:
        raise ValueError(
            f"--reuse: {_reused()[part]} was trained on other examples than those of "
            f"{trained_on.directory}. Received: {run.records_content} and "
            f"{trained_on.content}"
        )
    learnt = set(run.config.active_tasks()) & set(PAPER_TASKS)
    if learnt != set(row.tasks):
        raise ValueError(
            f"--reuse={part}=... takes a run of the tasks {sorted(row.tasks)}. "
            f"Received: {sorted(learnt)} in {_reused()[part]}"
        )


@functools.lru_cache
def _claim():
    catalog = catalog_flags.catalog_opener(ground_truth=False)()
    return {"scale": FLAGS.scale, "catalog": catalog.fingerprint, "seed": FLAGS.seed}


def _reused() -> Dict[str, str]:
    return dict(text.partition("=")[::2] for text in FLAGS.reuse)


def _pretraining(row: Row, seed: str) -> str:
    """Name of the part that a row's pre-training is; of equal rows the first's."""
    return f"{first_equal(_scale(), row).folder}/pretraining/seed_{seed}"


def _part(name: str) -> str:
    """Returns the folder of a part: in the output, or the one to be reused."""
    return _reused().get(name, os.path.join(FLAGS.output, *name.split("/")))


@functools.lru_cache
def _captioner() -> str:
    folder = _part("captioner")
    # The page is written last.
    there = os.path.exists(os.path.join(folder, "report.html"))
    if "captioner" not in _reused() and not there:
        run_binary(
            "experiments.train_captioner", *catalog_flags.as_arguments(),
            "--networks=captioner", *_scale().captioner, f"--output={folder}",
        )
    return folder


def _records(row: Row) -> str:
    part = f"records/{row.records}"
    folder = _part(part)
    if part not in _reused():
        _build(folder, row.layout, row.saliency, row.masking)
    return folder


@functools.lru_cache
def _build(folder, layout, saliency, masking):
    # Without guidance, too: the captioner is a baseline of captions.
    run_binary(
        "tfrecords.build", *catalog_flags.as_arguments(), f"--layout={layout}",
        f"--saliency={saliency}", f"--masking={masking}",
        f"--captioner={_captioner()}", *_scale().records, f"--output={folder}",
    )


@functools.lru_cache
def _manifest(records: str) -> str:
    """Returns the path of the one manifest of all rows."""
    path = os.path.join(FLAGS.output, "manifest.json")
    if not os.path.exists(path):
        run_binary(
            "experiments.make_manifest", f"--records={records}", f"--split={_SPLIT}",
            f"--output={path}",
        )
    return path


def _run(cell: Cell, seed: str, workdir: str) -> Dict[str, float]:
    """Trains and evaluates a cell; returns its figures."""
    from kaleido.files import read_json
    from kaleido.flat_figures import retrieval_run, task_run

    records, checkpoint = _records(cell.row), pretrained(cell.row, seed)
    ranks = cell.task == "retrieval"
    results = os.path.join(workdir, "results.json")
    shared = [f"--records={records}", f"--split={_SPLIT}", f"--seed={seed}"]
    if ranks:
        lists = _scale().whole_lists
        shared += [
            f"--manifest={_manifest(records)}", f"--match_queries={lists}",
            f"--whole_list_queries={lists}", "--nofloor",
        ]
    if _scale().finetuning_steps[cell.task]:
        run_binary(
            "experiments.finetune", f"--task={'itr' if ranks else cell.task}",
            f"--checkpoint={checkpoint}", f"--workdir={workdir}",
            *finetuning_arguments(_scale(), cell.task), *shared, *_scale().finetuning,
            # The network's own.
            "--noclosed_forms",
        )
    else:
        run_binary(
            "experiments.evaluate", f"--workdir={checkpoint}", f"--output={results}",
            *shared,
        )
    found = read_json(results)
    return retrieval_run(found) if ranks else task_run(found)


@functools.lru_cache
def _made_of(cell: Cell, seed: str):
    """Returns what a cell's figures depend on, besides the seed."""
    from kaleido.alignment_generator import CAPTIONER_FILE
    from kaleido.files import sha256_of
    from kaleido.finetuning_config import default_finetuning
    from kaleido.foreground import needs_network
    from kaleido.interop.starting_weights import fingerprint_of_init
    from kaleido.manifest import VERSION
    from kaleido.metrics.captions import has_java
    from kaleido.records import open_records
    from kaleido.run_grid import MadeOf
    from kaleido.saliency import PACKAGED
    from kaleido.weights_file import file_fingerprint
    from kaleido.workdir import weights_fingerprint

    scale, row, reused = _scale(), cell.row, _reused()
    own = {
        "row": dataclasses.asdict(row), "records": list(scale.records),
        "captioner": list(scale.captioner),
        "pretraining": pretraining_config(scale, row).to_dict(),
        "finetuning": finetuning_arguments(scale, cell.task),
    }
    if needs_network(row.saliency):
        own["saliency_weights"] = file_fingerprint(PACKAGED)
    # Of what was not made here its content counts, wherever it lies.
    if FLAGS.init:
        own["init"] = fingerprint_of_init(FLAGS.init)
    if "captioner" in reused:
        own["captioner"] = sha256_of(os.path.join(_captioner(), CAPTIONER_FILE))
    if f"records/{row.records}" in reused:
        own["records"] = open_records(_records(row)).content
    if _pretraining(row, seed) in reused:
        own["pretraining"] = {"reused": weights_fingerprint(pretrained(row, seed))}
    task = "itr" if cell.task == "retrieval" else cell.task
    own["defaults"] = default_finetuning(task).to_dict()
    if cell.task == "retrieval":
        own.update(manifest_version=VERSION, whole_lists=scale.whole_lists)
    if cell.task == "caption":
        # Without Java words are told apart in another way.
        own["java"] = has_java()
    return MadeOf(_claim(), own)
