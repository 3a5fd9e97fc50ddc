"""The paper's commands from their flags to their pages, with trainings left out."""

import dataclasses
import os

import pytest

from kaleido.files import read_json
from tests import tiny_records
from tests.test_binaries import outcome, start
from tests.test_evaluation_binaries import succeeded, untrained_run


# 40 s of processor time: it starts eleven processes.
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
    assert [line.split()[0] for line in figure] == [
        "train_captioner", "build", "pretrain",
    ]
    assert "--catalog=rendered" in figure[1] and "--products=240" in figure[1]
    assert "paper.py:smoke/kaleido_bert " in figure[2]
    curve = read_json(os.path.join(output, "figure6.json"))["curves"]["mlm"]
    assert curve == {"0": [[0, 9], [2, 7]]}
    assert os.path.getsize(os.path.join(output, "figure6.png")) > 1000

    made = new_calls("table4")
    kinds = [line.split()[0] for line in made]
    # Ten rows; of three tasks ranks are measured as they are.
    assert kinds.count("pretrain") == kinds.count("evaluate") == 10
    assert kinds.count("finetune") == 30 and kinds.count("make_manifest") == 1
    # Fixed patches, whole pictures, ours, and plans at random.
    assert kinds.count("build") == 4 and "train_captioner" not in kinds
    asked = [line for line in made if line[:8] == "evaluate"]
    assert all(f"--manifest={output}/manifest.json" in line for line in asked)
    tables = read_json(os.path.join(output, "table4.json"))["tables"]
    patches = dict(tables[0][2])
    assert patches["scale-fixed"]["SumCLS"] == {"mean": 250.0, "std": None, "runs": 1}
    assert "SumCAP" not in patches["scale-fixed"]
    page = (tmp_path / "paper" / "table4.md").read_text()
    assert "| scale-fixed (paper) | – | 24.71 | 30.17 | 276.97 | 313.43 |" in page

    assert new_calls("table4") == []
    # Table 3 lacks FashionBERT alone, whose records are those of fixed patches.
    rival = new_calls("table3")
    assert [line.split()[0] for line in rival] == [
        "build", "pretrain", "finetune", "finetune", "finetune",
    ]
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
def test_a_run_that_is_there_is_taken_with_its_records_alone(tmp_path):
    spec = dataclasses.replace(
        tiny_records.tiny_spec(), saliency="unet", masking="agm"
    )
    record_set = tiny_records.write_tiny_records(
        str(tmp_path / "records"), 8, 4, spec=spec
    )
    run, output = str(tmp_path / "run"), tmp_path / "paper"
    untrained_run(run, record_set, 0)
    output.mkdir()
    arguments = (
        "tests.paper_of_fakes", "table2", "--scale=smoke", f"--output={output}",
        f"--reuse=records/kaleido_unet_agm={record_set.directory}",
        f"--reuse=kaleido_bert/pretraining/seed_0={run}",
    )
    succeeded(start(*arguments))
    made = (output / "calls.txt").read_text().splitlines()
    assert [line.split()[0] for line in made] == [
        "train_captioner", "build", "pretrain", "make_manifest", "evaluate",
        # Ours.
        "evaluate",
    ]
    assert f"--workdir={run} " in made[-1] and record_set.directory in made[-1]
    assert f"seed_0={run}" in (output / "table2.md").read_text()
    for name, changes, message in (
        ("other", {"seed": 1, "spec": spec}, "was trained on other examples"),
        ("random", {}, "takes records of saliency=unet. Received: none"),
    ):
        other = tiny_records.write_tiny_records(
            str(tmp_path / name), 8, 4, **changes
        )
        changed = arguments[4].replace(record_set.directory, other.directory)
        code, _, errors = outcome(start(*arguments[:4], changed, *arguments[5:]))
        assert code == 1 and message in errors, errors[-500:]
    changed = arguments[5].replace("kaleido_bert/", "b/")
    code, _, errors = outcome(start(*arguments[:5], changed))
    assert code == 1 and "takes a run of the tasks ['itm', 'mlm']" in errors


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
