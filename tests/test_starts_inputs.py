"""What a night of trainings needs is looked at before it begins."""

import pytest

from kaleido import starts
from kaleido.files import write_text
from kaleido.pools import draw_test
from kaleido.starts_inputs import check_inputs, check_rivals_records
from tests import tiny_records

RANKED = [row for row in starts.ROWS if row.task == "itr"]
FASHIONBERT = starts.RIVALS[1]


def written(folder, name, test=30, **changes):
    return tiny_records.write_tiny_records(
        str(folder / name), 24, 12, test, spec=tiny_records.tiny_spec(**changes),
        catalog_seed=1,
    )


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    return written(tmp_path_factory.mktemp("ours"), "records")


def config_of(ridge_warm_start=True, layout=""):
    return tiny_records.tiny_config(
        training={"ridge_warm_start": ridge_warm_start}, data={"layout": layout}
    )


def test_what_is_whole_is_taken(ours):
    check_inputs(starts.ROWS[:5], config_of(), ours, "test")


def test_a_pre_training_that_does_not_begin_with_closed_forms(ours):
    plain = config_of(ridge_warm_start=False)
    with pytest.raises(ValueError, match="'itr, closed_forms' needs .*_start=False"):
        check_inputs(RANKED, plain, ours, "test")
    # Who does not begin with them may.
    check_inputs([starts.FINETUNED[0]], plain, ours, "test")


def test_records_that_do_not_fit(ours, tmp_path):
    with pytest.raises(ValueError, match="has no test examples"):
        check_inputs(RANKED, config_of(), written(tmp_path, "untested", 0), "test")
    with pytest.raises(ValueError, match="--layout=grid8 .* with kaleido"):
        check_inputs(RANKED, config_of(layout="grid8"), ours, "test")


def test_captions_need_who_scores_them(ours, monkeypatch):
    def missing():
        raise ImportError("pycocoevalcap is missing")

    written = [row for row in starts.FINETUNED if row.task == "caption"]
    monkeypatch.setattr("kaleido.tasks.captioning.require_scorer", missing)
    with pytest.raises(ImportError, match="pycocoevalcap"):
        check_inputs(written, config_of(), ours, "test")
    check_inputs(RANKED, config_of(), ours, "test")


def test_a_rivals_records_are_of_the_same_catalogue(ours, tmp_path):
    manifest = str(tmp_path / "manifest.json")
    write_text(manifest, draw_test(ours, "test", 0).to_json())

    def check(records):
        check_rivals_records(FASHIONBERT, records, ours, manifest, "test")

    check(written(tmp_path, "grid", layout="grid8"))
    with pytest.raises(ValueError, match="FashionBERT needs .*Received: kaleido in"):
        check(ours)
    with pytest.raises(ValueError, match="crop_size: expected 64, received 48"):
        check(written(tmp_path, "smaller", layout="grid8", crop_size=48))
    with pytest.raises(ValueError, match="was drawn from another catalogue"):
        check(written(tmp_path, "others", 28, layout="grid8"))
