"""What the commands of the paper's tables and figures share: flags, and the work.

Everything lies in --output: captioner/, records/<kind>/, manifest.json, and of each row
<row>/pretraining/seed_<seed> and <row>/<task>/seed_<seed>. Tables share rows, and what
is done is not done again.
"""

from __future__ import annotations

import functools
import os
import re
from typing import Dict, Iterator, List, Sequence

from absl import flags

from experiments.grids import CONFIGS, figures_of, manifest_of
from kaleido.cli import parse_config_flags, parse_seeds, run_binary
from kaleido.paper.rows import Row
from kaleido.paper.scales import SCALES, Scale, finetuning_arguments
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
    return parse_seeds("seeds", FLAGS.seeds or _scale().seeds)


def run_cells(cells: Sequence[Cell]) -> Iterator[Dict[str, List[Dict[str, float]]]]:
    """Trains and evaluates what is not done yet, seed by seed.

    Yields:
        After each run, by name of the row, `paper_figures` of each seed that has any.

    Raises:
        ValueError: if the folder holds runs of other settings, or a binary fails.
    """
    from kaleido.metrics.captions import require_scorer
    from kaleido.run_grid import read_runs, run_grid

    claim_output([cell.row for cell in cells])
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
        f"--config={CONFIGS}/paper.py:{FLAGS.scale}/{row.folder}",
        f"--seed={seed}", *_scale().pretraining, *_init(),
    )


def _init():
    return (f"--config.training.init={FLAGS.init}",) if FLAGS.init else ()


def _scale() -> Scale:
    return SCALES[FLAGS.scale]


def claim_output(rows: Sequence[Row]) -> None:
    """Claims --output for a scale, a catalogue and its seed.

    Args:
        rows: those that will be trained.

    Raises:
        ValueError: if it is another's, flags are missing, or name what is not there or
            does not fit.
    """
    from kaleido.files import claim_folder
    from kaleido.paper.reuse import check_reused

    if not _scale().catalog and not FLAGS["catalog"].present:
        raise ValueError(f"--catalog is missing, which --scale={FLAGS.scale} needs.")
    if _scale().begins_with_bert and not FLAGS.init:
        raise ValueError(
            f"--init is missing, which --scale={FLAGS.scale} needs: a folder of "
            "BERT-base's weights, or `random`."
        )
    check_reused(_reused(), rows, _scale(), seeds(), _claim()["catalog"])
    claim_folder(FLAGS.output, _claim(), "the paper's experiments", ["*/*"])


def told() -> Dict[str, object]:
    """Returns what every page says of its runs."""
    from kaleido.commands import command_line
    from kaleido.paper.reuse import reused_and_how

    return {
        "scale": FLAGS.scale, "seeds": seeds(), "command": command_line(),
        "reused": reused_and_how(_reused(), _scale(), seeds(), FLAGS.init),
        "init": FLAGS.init,
    }


@functools.lru_cache
def _claim():
    catalog = catalog_flags.catalog_opener(ground_truth=False)()
    return {"scale": FLAGS.scale, "catalog": catalog.fingerprint, "seed": FLAGS.seed}


def _reused() -> Dict[str, str]:
    return dict(text.partition("=")[::2] for text in FLAGS.reuse)


def _pretraining(row: Row, seed: str) -> str:
    from kaleido.paper.reuse import pretraining_part

    return pretraining_part(_scale(), row, seed)


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


def _records_part(row: Row) -> str:
    from kaleido.paper.reuse import records_part

    return records_part(row)


def _records(row: Row) -> str:
    folder = _part(_records_part(row))
    if _records_part(row) not in _reused():
        _build(folder, row.layout, row.saliency, row.masking)
    return folder


@functools.lru_cache
def _build(folder, layout, saliency, masking):
    # Without guidance, too: the captioner is a baseline of captions.
    run_binary(
        "tfrecords.build", *catalog_flags.as_arguments(), f"--layout={layout}",
        f"--saliency={saliency}", f"--masking={masking}",
        f"--captioner={_captioner()}",
        *(f"--{name}={value}" for name, value in _scale().records.items()),
        f"--output={folder}",
    )


def _run(cell: Cell, seed: str, workdir: str) -> Dict[str, float]:
    """Trains and evaluates a cell; returns its figures."""
    from kaleido.task_results import results_path

    records, checkpoint = _records(cell.row), pretrained(cell.row, seed)
    ranks = cell.task == "retrieval"
    results = results_path(workdir, _SPLIT)
    shared = [f"--records={records}", f"--split={_SPLIT}"]
    if ranks:
        manifest = manifest_of(FLAGS.output, records, _SPLIT)
        lists = _scale().whole_lists
        shared += [
            f"--manifest={manifest}", f"--match_queries={lists}",
            f"--whole_list_queries={lists}",
        ]
    # The tables have no rows of baselines.
    if _scale().finetuning_steps[cell.task]:
        run_binary(
            "experiments.finetune", *finetuning_arguments(_scale(), cell.task),
            f"--checkpoint={checkpoint}", f"--workdir={workdir}", f"--seed={seed}",
            "--nobaselines", *shared, *_scale().finetuning,
        )
    else:
        # Whatever was trained, weights of scorers are chosen on the same lists.
        run_binary(
            "experiments.evaluate", f"--workdir={checkpoint}", f"--output={results}",
            "--nofloor", *shared,
        )
    return figures_of(results, ranks)


def _made_of(cell: Cell, seed: str):
    from kaleido.paper.made_of import made_of

    part = _pretraining(cell.row, seed)
    return made_of(
        cell, _scale(), _claim(), _reused().get(_records_part(cell.row), ""),
        captioner=_reused().get("captioner", ""),
        pretraining=_reused().get(part, ""), init=FLAGS.init,
    )
