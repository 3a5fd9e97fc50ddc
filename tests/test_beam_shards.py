"""Shards made by Apache Beam are those of a local run."""

import functools

import pytest

from kaleido import shards as sharding
from tests import fake_catalog

pytest.importorskip("apache_beam", reason="Apache Beam is in the extra `beam` only")


# 15 s: Beam's start.
@pytest.mark.slow
def test_a_pipeline_makes_what_a_loop_makes(tmp_path):
    from kaleido.beam_shards import write_shards_with_beam

    here, there = tmp_path / "here", tmp_path / "there"
    made, _ = fake_catalog.build(str(here))
    assert len(made) > 2
    catalog, preprocessor = fake_catalog.FakeCatalog(), fake_catalog.make_preprocessor()
    sharding.claim_directory(str(there), preprocessor.spec, catalog, 3, 4)
    shards = sharding.plan_shards(catalog.scan(), 3)
    # One that was made before is left alone.
    sharding.write_shards(str(there), shards[:1], catalog, preprocessor)
    before = (there / shards[0].file).stat().st_mtime_ns
    write_shards_with_beam(
        str(there), shards, functools.partial(fake_catalog.FakeCatalog),
        fake_catalog.make_preprocessor, ["--runner=DirectRunner"],
    )
    assert (there / shards[0].file).stat().st_mtime_ns == before
    expected, found = fake_catalog.checksums(here), fake_catalog.checksums(there)
    assert [f for f in made if found[f] != expected[f]] == []
    assert not list(there.glob("*.tmp-*"))
