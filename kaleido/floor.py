"""The bare ridge map as a scorer: the floor of every table of retrieval."""

from __future__ import annotations

import dataclasses
import os
from typing import Sequence, Tuple

from kaleido import inference, warm_start
from kaleido.config import Config, TaskConfig
from kaleido.inference import Vectors
from kaleido.interop.bert import load_minilm
from kaleido.models import networks_for
from kaleido.presets import preset
from kaleido.records import RecordSet


class Floor:
    """Nothing trained by gradient.

    The packaged text encoder, frozen, and the closed-form map fitted on the training
    split with its settings chosen on validation.

    Args:
        records: the records.
        config: of the run; one that did not begin from such a map gets that of
            the `small` preset, from all levels.
        workdir: folder of the run, which keeps the map.
    """

    def __init__(self, records: RecordSet, config: Config, workdir: str):
        own = config.training.ridge_warm_start and config.training.init == "minilm"
        if not own:
            small = preset("small")
            levels = records.spec.patch_layout.levels
            config = dataclasses.replace(
                small,
                model=dataclasses.replace(small.model, shortcut_levels=levels),
                data=config.data,
                # Those that need no level of their own.
                tasks={"contrastive": TaskConfig()},
            )
        # Sentences alone, as ever.
        model = dataclasses.replace(config.model, word_size=0)
        config = dataclasses.replace(config, model=model)
        if not (own and warm_start.has_ridge_map(workdir, records)):
            # The run may be of other records than those that it is measured on.
            workdir = os.path.join(workdir, f"floor_{records.content}")
            os.makedirs(workdir, exist_ok=True)
        self._records, self._config = records, config
        self._networks = networks_for(config, records.spec)
        load_minilm(self._networks, records.vocabulary)
        self._ridge = warm_start.fit_or_load(
            self._networks, config, records, workdir
        ).ridge

    def vectors(self, split: str, every: int = 1) -> Tuple[Vectors, Sequence[str]]:
        """Returns the vectors of every so manieth pair, and the ids, in stored order.

        Args:
            split: of the records.
            every: 1 for all.
        """
        features, states, _ = warm_start.ridge_inputs(
            self._networks, self._records, self._config, split,
            self._config.model.shortcut_levels, every,
        )
        ids = inference.load_ids_and_keys(self._records, split)["image_ids"][::every]
        ridge = self._ridge
        return (ridge.image_vectors(features), ridge.text_vectors(states)), ids
