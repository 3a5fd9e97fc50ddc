"""A learnt vocabulary is found again in a folder of its own job, and only there."""

import types

import pytest

from kaleido.files import claim_folder, write_json
from kaleido.text import RESERVED, Vocabulary
from tests.fake_catalog import FakeCatalog
from tfrecords import vocabulary_flags


@pytest.fixture
def flags(monkeypatch):
    values = types.SimpleNamespace(vocabulary="learn", vocabulary_size=60)
    monkeypatch.setattr(vocabulary_flags, "FLAGS", values)
    return values


def opened(folder, catalog=None):
    catalog = catalog or FakeCatalog()
    return vocabulary_flags.open_vocabulary(catalog, catalog.scan(), str(folder))


def test_a_file_of_nobodys_job_is_not_a_learnt_vocabulary(tmp_path, flags):
    other = Vocabulary((*RESERVED, "other"))
    other.save(str(tmp_path / "vocab.txt"))
    before = (tmp_path / "vocab.txt").read_bytes()
    learnt = opened(tmp_path)
    assert "n" in learnt.pieces and "other" not in learnt.pieces
    # The folder is not claimed yet.
    assert (tmp_path / "vocab.txt").read_bytes() == before


def test_what_was_learnt_is_found_again(tmp_path, flags):
    learnt = opened(tmp_path)
    catalog = FakeCatalog()
    job = {"learnt_pieces": 60, "catalog": catalog.fingerprint}
    claim_folder(str(tmp_path), job, "the records", ["*.tfrecord"])
    learnt.save(str(tmp_path / "vocab.txt"))
    assert opened(tmp_path, catalog) == learnt
    assert catalog.rows_read == []
    # Not by a start with another table, which has failed.
    write_json(str(tmp_path / "job.json"), {**job, "catalog": "other"})
    opened(tmp_path, catalog)
    assert catalog.rows_read != []


def test_only_a_learnt_vocabulary_has_a_size(flags):
    assert vocabulary_flags.learnt_pieces() == 60
    flags.vocabulary = ""
    assert vocabulary_flags.learnt_pieces() is None
