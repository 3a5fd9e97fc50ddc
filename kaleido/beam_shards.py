"""Makes shards on an Apache Beam runner: one shard is one element.

A local run loops over the shards that are missing; a cluster maps over them.
Every worker opens the catalogue and the backbone for itself, so both must lie
where all workers see them, as must the output.
"""

from __future__ import annotations

from typing import Callable, Sequence

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from kaleido.catalogs.product import Catalog
from kaleido.preprocessing import Preprocessor
from kaleido.shards import Shard, finished_sidecar, write_shards


class MakeShard(beam.DoFn):
    """Writes a shard; yields nothing, for what was made lies on disk.

    Args:
        directory: of the records; see `shards.claim_directory`.
        open_catalog: returns the catalogue; must be picklable.
        make_preprocessor: returns the preprocessor; must be picklable.
    """

    def __init__(
        self,
        directory: str,
        open_catalog: Callable[[], Catalog],
        make_preprocessor: Callable[[], Preprocessor],
    ):
        super().__init__()
        self._directory = directory
        self._open_catalog = open_catalog
        self._make_preprocessor = make_preprocessor

    def setup(self):
        self._catalog = self._open_catalog()
        self._preprocessor = self._make_preprocessor()

    def process(self, shard: Shard):
        # A bundle may be tried again after a crash, or twice at a time.
        if finished_sidecar(self._directory, shard) is None:
            write_shards(self._directory, [shard], self._catalog, self._preprocessor)
        return ()


def write_shards_with_beam(
    directory: str,
    shards: Sequence[Shard],
    open_catalog: Callable[[], Catalog],
    make_preprocessor: Callable[[], Preprocessor],
    arguments: Sequence[str],
) -> None:
    """Makes shards in parallel, each whole or not at all.

    Args:
        directory: where they go.
        shards: what to make.
        open_catalog, make_preprocessor: see `MakeShard`.
        arguments: of the pipeline, e.g. `["--runner=FlinkRunner"]`.

    Raises:
        RuntimeError: if the pipeline fails.
    """
    with beam.Pipeline(options=PipelineOptions(list(arguments))) as pipeline:
        _ = (
            pipeline
            | beam.Create(list(shards))
            # Without it a runner may fuse creation and work on one worker.
            | beam.Reshuffle()
            | beam.ParDo(MakeShard(directory, open_catalog, make_preprocessor))
        )
