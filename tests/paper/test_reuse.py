"""What stands from earlier work takes the place of its like, and of nothing else."""

import os

import pytest

from kaleido.files import write_json
from kaleido.paper.reuse import (
    check_reused,
    pretraining_part,
    records_part,
    reused_and_how,
)
from kaleido.paper.rows import FASHIONBERT, OURS, RANDOM_MASKING, ROWS
from kaleido.paper.scales import SCALES
from tests import tiny_records
from tests.test_evaluation_binaries import untrained_run

SMOKE = SCALES["smoke"]
SHOP = "fingerprint of a shop"


def written(folder, catalog=SHOP, seed=0, **changes):
    spec = tiny_records.tiny_spec(
        **{"saliency": "unet", "masking": "agm", **changes}
    )
    tiny_records.write_tiny_records(str(folder), 8, 4, seed=seed, spec=spec)
    if catalog:
        write_json(os.path.join(folder, "job.json"), {"catalog": catalog})
    return str(folder)


def run_of(folder, records, **changes):
    config = tiny_records.tiny_config(**changes)
    untrained_run(str(folder), tiny_records.records.open_records(records), 0, config)
    return str(folder)


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    return written(tmp_path_factory.mktemp("ours"))


@pytest.fixture(scope="module")
def run(ours, tmp_path_factory):
    return run_of(tmp_path_factory.mktemp("run"), ours)


def check(reused, rows=(OURS,), seeds=("0",), catalog=SHOP):
    check_reused(reused, rows, SMOKE, seeds, catalog)


OUR_RECORDS, OUR_RUN = records_part(OURS), pretraining_part(SMOKE, OURS, "0")


def test_parts_are_folders_of_the_output():
    assert OUR_RECORDS == "records/kaleido_unet_agm"
    assert OUR_RUN == "kaleido_bert/pretraining/seed_0"
    # At the paper's scale fixed patches are FashionBERT's.
    part = pretraining_part(SCALES["paper"], ROWS["scale_fixed"], "3")
    assert part == "fashionbert/pretraining/seed_3"


def test_a_run_and_its_records_are_taken(ours, run):
    check({OUR_RECORDS: ours, OUR_RUN: run})
    with pytest.raises(ValueError, match="needs --reuse=records/kaleido_unet_agm"):
        check({OUR_RUN: run})


def test_parts_and_folders_that_are_not_there(ours):
    with pytest.raises(ValueError, match="--reuse knows captioner, .*'records/x'"):
        check({"records/x": ours})
    # Of another seed than those that are trained.
    with pytest.raises(ValueError, match="--reuse knows"):
        check({pretraining_part(SMOKE, OURS, "1"): ours})
    with pytest.raises(ValueError, match="no folder. Received: '/nowhere'"):
        check({"captioner": "/nowhere"})


def test_records_of_another_kind_or_catalogue(ours, tmp_path):
    with pytest.raises(ValueError, match="of masking=random. Received: agm"):
        check({records_part(RANDOM_MASKING): ours})
    with pytest.raises(ValueError, match="catalogue .* another. Received: .*fingerpr"):
        check({OUR_RECORDS: ours}, catalog="another")
    with pytest.raises(ValueError, match="job.json does not name"):
        check({OUR_RECORDS: written(tmp_path, catalog="")})


@pytest.mark.parametrize(
    "name, value",
    [
        ("crop_size", 32), ("whole_crop_size", 64), ("max_tokens", 20),
        ("backbone_fingerprint", "1" * 16), ("vocabulary_fingerprint", "other"),
    ],
)
def test_records_of_one_table_were_made_alike(ours, tmp_path, name, value):
    other = written(tmp_path, masking="random", **{name: value})
    reused = {OUR_RECORDS: ours, records_part(RANDOM_MASKING): other}
    with pytest.raises(ValueError, match=f"{name}: expected"):
        check(reused, (OURS, RANDOM_MASKING))


def test_records_that_are_still_to_be_made_would_be_alike(ours):
    check({OUR_RECORDS: ours}, (OURS,))
    with pytest.raises(ValueError, match="crop_size: 64 there, 32 asked for") as error:
        check({OUR_RECORDS: ours}, (OURS, FASHIONBERT))
    for name in ("backbone", "whole_crop_size", "max_tokens", "vocabulary_fingerprint"):
        assert f"{name}: " in str(error.value)


def test_a_run_of_other_examples_or_tasks(ours, run, tmp_path):
    other = written(tmp_path / "other", seed=1)
    with pytest.raises(ValueError, match="was trained on other examples"):
        check({OUR_RECORDS: other, OUR_RUN: run})
    part = pretraining_part(SMOKE, ROWS["b"], "0")
    message = r"tasks \['contrastive', 'fusion', 'itm', 'mlm'\]. Received: \['blank'"
    with pytest.raises(ValueError, match=message):
        check({OUR_RECORDS: ours, part: run})
    # Ours of this scale learn the contrastive view, too.
    tasks = tiny_records.tiny_config().to_dict()["tasks"]
    del tasks["contrastive"]
    alone = run_of(
        tmp_path / "alone", ours, tasks=tasks, model={"similarity_path": False}
    )
    with pytest.raises(ValueError, match="tasks .*'contrastive'.* Received: .*in"):
        check({OUR_RECORDS: ours, OUR_RUN: alone})


def test_a_run_is_not_that_of_two_seeds(ours, run):
    second = pretraining_part(SMOKE, OURS, "1")
    with pytest.raises(ValueError, match="one row and seed. Received: .* twice"):
        check({OUR_RECORDS: ours, OUR_RUN: run, second: run}, seeds=("0", "1"))


def test_what_else_is_different_is_told(ours, tmp_path):
    longer = run_of(
        tmp_path, ours, training={"steps": 70, "learning_rate": 0.5, "seed": 3}
    )
    reused = {OUR_RECORDS: ours, OUR_RUN: longer, "captioner": ours}
    records, run, captioner = reused_and_how(reused, SMOKE, ("0",), "")
    assert records == f"{OUR_RECORDS}={ours} (alignment: none)"
    assert captioner == f"captioner={ours}"
    assert run.startswith(f"{OUR_RUN}={longer} (")
    for text in (
        "training.steps: 70 there, 4 asked for", "training.seed: 3 there, 0 asked for",
        "training.learning_rate: 0.5 there",
    ):
        assert text in run
    assert "training.init" not in run
    begun = reused_and_how(reused, SMOKE, ("0",), "bert")[1]
    assert "training.init: 'random' there, 'bert' asked for" in begun
