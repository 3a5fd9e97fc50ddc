"""The paper's commands from their flags to their pages, with trainings left out."""

import os

import pytest

from kaleido import catalogs
from kaleido.files import read_json, write_json
from tests import tiny_records
from tests.shown_commands import unknown_flags
from tests.test_binaries import outcome, start
from tests.test_evaluation_binaries import succeeded, untrained_run


def names(calls):
    return [line.split()[0].split(".")[1] for line in calls]


# 50 s of processor time: it starts twelve processes.
@pytest.mark.slow
def test_tables_and_figures_share_what_they_train(tmp_path):
    output = str(tmp_path / "paper")
    os.makedirs(output)

    def begin(binary, *more):
        return start(
            "tests.paper_of_fakes", binary, "--scale=smoke", f"--output={output}", *more
        )

    def calls():
        path = tmp_path / "paper" / "calls.txt"
        return path.read_text().splitlines() if path.exists() else []

    def new_calls(binary, *more):
        before = len(calls())
        succeeded(begin(binary, *more))
        return calls()[before:]

    figure = new_calls("figure6")
    assert names(figure) == ["train_captioner", "build", "pretrain"]
    assert "--catalog=rendered" in figure[1] and "--products=240" in figure[1]
    assert "--config=experiments/configs/paper.py:smoke/kaleido_bert " in figure[2]
    curve = read_json(os.path.join(output, "figure6.json"))["curves"]["mlm"]
    assert curve == {"0": [[0, 8], [2, 4]]}
    assert os.path.getsize(os.path.join(output, "figure6.png")) > 1000
    # The same records and training, which their binaries go on with.
    assert new_calls("figure7") == figure[1:]
    curve = read_json(os.path.join(output, "figure7.json"))["curves"]["mlm"]
    assert curve == {"0": [[0, 0.125], [2, 0.25]]}
    page = (tmp_path / "paper" / "figure7.md").read_text()
    assert "| mlm | 0.125 → 0.250 |" in page and "figure7.png" in page

    made = new_calls("table4")
    kinds = names(made)
    # All that is asked of other binaries they know.
    assert unknown_flags(figure + made) == []
    # Ten rows; of three tasks ranks are measured as they are.
    assert kinds.count("pretrain") == kinds.count("evaluate") == 10
    assert kinds.count("finetune") == 30 and kinds.count("make_manifest") == 1
    # Fixed patches, whole pictures, ours, and plans at random.
    assert kinds.count("build") == 4 and "train_captioner" not in kinds
    asked = [line for line in made if ".evaluate" in line]
    assert all(f"--manifest={output}/manifest.json" in line for line in asked)
    # Every model on the same lists; the seed is of what is trained.
    assert not any("--seed=" in line for line in asked)
    tuned = [line for line in made if ".finetune" in line]
    assert all("--seed=0" in line and "--noclosed_forms" in line for line in tuned)
    tables = read_json(os.path.join(output, "table4.json"))["tables"]
    patches = dict(tables[0][2])
    assert patches["scale-fixed"]["SumCLS"] == {"mean": 250.0, "std": None, "runs": 1}
    assert "SumCAP" not in patches["scale-fixed"]
    page = (tmp_path / "paper" / "table4.md").read_text()
    assert "| scale-fixed (paper) | – | 24.71 | 30.17 | 276.97 | – | 313.43 |" in page
    assert "| scale-fixed | 1 | 50.00 | 50.00 | 450.00 | 9 | 250.00 |" in page

    assert new_calls("table4") == []
    # Table 3 lacks FashionBERT alone, whose records are those of fixed patches.
    rival = new_calls("table3")
    assert names(rival) == ["build", "pretrain", "finetune", "finetune", "finetune"]
    assert "records/grid8_none_random" in rival[0]
    assert all("fashionbert" in line for line in rival[1:])

    code, _, errors = outcome(begin("table4", "--products=50"))
    assert code == 1 and "of another job" in errors and "catalog: " in errors
    for flags, message in (
        (["--reuse=records/x=/nowhere"], "Received: 'records/x'"),
        (["--reuse=captioner=/nowhere"], "Received: '/nowhere'"),
        (["--seeds=0,a"], "--seeds takes whole numbers. Received: ['0', 'a']"),
        (["--scale=small"], "scale: 'smoke' there, 'small' asked for"),
        (
            [f"--reuse=b/pretraining/seed_0={output}"],
            "needs --reuse=records/kaleido_unet_agm=",
        ),
    ):
        code, _, errors = outcome(begin("table2", *flags))
        assert code == 1 and message in errors, (flags, errors[-500:])


# 15 s of processor time: it starts two processes.
@pytest.mark.slow
def test_a_run_that_is_there_is_taken_with_its_records(tmp_path):
    # That of --scale=smoke.
    catalog = catalogs.open_catalog(
        "rendered", "", products=240, seed=0, views=1, split_shares=(0.5, 0.2, 0.3),
        ground_truth=False,
    )

    def written(name, **changes):
        spec = tiny_records.tiny_spec(**changes)
        folder = str(tmp_path / name)
        record_set = tiny_records.write_tiny_records(folder, 8, 4, spec=spec)
        write_json(os.path.join(folder, "job.json"), {"catalog": catalog.fingerprint})
        return record_set

    ours = written("records", saliency="unet", masking="agm")
    in_grid = written("in_grid", layout="grid8")
    run, output = str(tmp_path / "run"), tmp_path / "paper"
    untrained_run(run, ours, 0)
    output.mkdir()
    arguments = (
        "tests.paper_of_fakes", "table2", "--scale=smoke", f"--output={output}",
        f"--reuse=records/kaleido_unet_agm={ours.directory}",
        f"--reuse=kaleido_bert/pretraining/seed_0={run}",
    )
    in_grid_too = f"--reuse=records/grid8_none_random={in_grid.directory}"
    succeeded(start(*arguments, in_grid_too))
    made = (output / "calls.txt").read_text().splitlines()
    assert names(made) == ["pretrain", "make_manifest", "evaluate", "evaluate"]
    assert f"--records={in_grid.directory} " in made[0]
    assert f"--workdir={run} " in made[-1] and ours.directory in made[-1]
    page = (output / "table2.md").read_text()
    assert f"seed_0={run} (" in page and "model.dropout: 0.0 there, 0.1 asked" in page
    # Records that were still to be made would have other crops.
    code, _, errors = outcome(start(*arguments))
    assert code == 1 and "crop_size: 64 there, 32 asked for" in errors, errors[-500:]
    assert len((output / "calls.txt").read_text().splitlines()) == len(made)


def test_a_scale_that_has_no_catalogue_wants_one(tmp_path):
    process = start(
        "experiments.paper.table2", "--scale=paper", f"--output={tmp_path}/paper"
    )
    code, _, errors = outcome(process)
    assert code == 1 and "--catalog is missing, which --scale=paper needs" in errors


def test_the_paper_begins_with_weights_that_are_named(tmp_path):
    process = start(
        "experiments.paper.table2", "--scale=paper", f"--output={tmp_path}/paper",
        "--catalog=rendered",
    )
    code, _, errors = outcome(process)
    assert code == 1 and "--init is missing, which --scale=paper needs" in errors
