"""What a cell of the paper's tables depends on, besides its seed.

A grid that goes on where it was compares this with what it finds, so that a table never
mixes figures of two settings.
"""

from __future__ import annotations

import dataclasses
import functools
import os
from typing import Any, Dict, Mapping

from kaleido.alignment_generator import CAPTIONER_FILE
from kaleido.files import sha256_of
from kaleido.foreground import needs_network
from kaleido.interop.starting_weights import fingerprint_of_init
from kaleido.manifest import VERSION
from kaleido.metrics.captions import has_java
from kaleido.paper.scales import Scale, finetuning_config, pretraining_config
from kaleido.paper.tables import Cell
from kaleido.precision import on_this_device
from kaleido.records import open_records
from kaleido.run_grid import MadeOf
from kaleido.saliency import PACKAGED
from kaleido.weights_file import file_fingerprint
from kaleido.workdir import weights_fingerprint

# Every cell asks, and of BERT-base half a gigabyte is read.
_fingerprint_of_init = functools.lru_cache(fingerprint_of_init)
_file_fingerprint = functools.lru_cache(file_fingerprint)


def made_of(
    cell: Cell, scale: Scale, shared: Mapping[str, Any], records: str = "",
    captioner: str = "", pretraining: str = "", init: str = "",
) -> MadeOf:
    """Returns what a cell's figures depend on.

    Of what is reused the content counts, wherever it lies; of what is made here the
    flags, so that figures outlive the records and the runs they came from.

    Args:
        cell: the row and the task.
        scale: it is run at.
        shared: what all cells have, JSON-able.
        records, captioner, pretraining: folders of those that were not made here;
            empty for others.
        init: what pre-trainings begin with; empty for the scale's.
    """
    row = cell.row
    own: Dict[str, Any] = {
        "row": dataclasses.asdict(row),
        "records": dict(scale.records),
        "captioner": list(scale.captioner),
        # Two processors may have two of what `auto` is.
        "pretraining": on_this_device(pretraining_config(scale, row)).to_dict(),
        "finetuning": on_this_device(finetuning_config(scale, cell.task)).to_dict(),
        # A compiled step, or several replicas, may round otherwise.
        "flags": [*scale.pretraining, *scale.finetuning],
    }
    if needs_network(row.saliency):
        own["saliency_weights"] = _file_fingerprint(PACKAGED)
    if init:
        own["init"] = _fingerprint_of_init(init)
    if captioner:
        own["captioner"] = sha256_of(os.path.join(captioner, CAPTIONER_FILE))
    if records:
        own["records"] = open_records(records).content
    if pretraining:
        own["pretraining"] = {"reused": weights_fingerprint(pretraining)}
    if cell.task == "retrieval":
        own.update(manifest_version=VERSION, whole_lists=scale.whole_lists)
    if cell.task == "caption":
        # Without Java words are told apart in another way.
        own["java"] = has_java()
    return MadeOf(shared, own)
