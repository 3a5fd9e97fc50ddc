"""The comparison of starts from its flags to its page, with trainings left out."""

import os

import pytest

from kaleido.files import read_json
from tests import tiny_records
from tests.shown_commands import unknown_flags
from tests.test_binaries import outcome, start
from tests.test_evaluation_binaries import succeeded

RIVAL_FLAGS = ("--tasks=itr,subcategory", "--rival_seeds=0,4")


def names(calls):
    return [line.split()[0].split(".")[1] for line in calls]


# 60 s of processor time: it imports TensorFlow six times.
@pytest.mark.slow
def test_what_is_done_is_not_done_again_and_all_are_asked_the_same(tmp_path):
    record_set = tiny_records.write_tiny_records(
        str(tmp_path / "records"), 24, 12, 30, catalog_seed=1
    )
    output = str(tmp_path / "starts")
    os.makedirs(output)

    def begin(*more):
        before = len(calls())
        process = start(
            "tests.starts_of_fakes", f"--records={record_set.directory}",
            "--config=experiments/configs/preset.py:tiny", f"--output={output}",
            "--config.training.steps=7", *RIVAL_FLAGS, *more,
        )
        return process, before

    def calls():
        path = tmp_path / "starts" / "calls.txt"
        return path.read_text().splitlines() if path.exists() else []

    def new_calls(*more):
        process, before = begin(*more)
        succeeded(process)
        return calls()[before:]

    made = new_calls("--seeds=0")
    assert names(made) == [
        "make_manifest",
        # Ours, as it stands and for every task; the closed forms as they are.
        "pretrain", "evaluate", *["finetune"] * 8, "finetune", "finetune",
        # Two towers, timed and then trained, with two seeds, of which ours has yet to
        # be trained with one. No grid records: no FashionBERT.
        "pretrain", "pretrain", "evaluate",
        "pretrain", "pretrain", "pretrain", "evaluate",
    ]
    ours = f"{output}/ours_not_fine_tuned/seed_0"
    assert "preset.py:tiny --config.training.steps=7 " in made[1]
    assert f"--workdir={ours} --seed=0" in made[1] and f"--workdir={ours} " in made[2]
    assert unknown_flags(made) == []
    assert all(f"--checkpoint={ours} " in line for line in made[3:13])
    for task, line in zip(("itr", "subcategory"), made[11:13]):
        assert f"--task={task} --start=closed_forms" in line and "steps=0 " in line
    assert "--config=experiments/configs/preset.py:two_tower " in made[13]
    # The network alone, from every start, but where a row says otherwise.
    joined = [line for line in made if "--closed_forms=True" in line]
    assert len(joined) == 2 and made.index(joined[1]) == 12
    assert "--start=pretrained" in joined[0] and "--task=subcategory" in joined[0]
    assert all("warmup_steps=60 " in line for line in made[3:11])
    # As long as ours with the same seed: 500 s of two a step, and 504.
    assert "--steps=250" in made[14] and "--seed=0" in made[14]
    assert "preset.py:tiny " in made[17] and "--seed=4" in made[17]
    assert "--steps=252" in made[18] and "--seed=4" in made[18]
    asked = [line for line in made if ".evaluate" in line or "--task=itr" in line]
    assert len(asked) == 8
    for line in asked:
        # Of whom, and of how many, in short lists, whole lists and validation's.
        assert f"--manifest={output}/manifest.json --match_queries=100" in line
        assert "--whole_list_queries=1 --weight_queries=50" in line
        # Weights of scorers are chosen on the same lists, whatever was trained.
        assert "--seed=" not in line or ".finetune" in line
    # Again: nothing. Another seed: ours, and what is fine-tuned.
    assert new_calls("--seeds=0") == []
    others = new_calls("--seeds=0,1")
    assert names(others) == ["pretrain", "evaluate", *["finetune"] * 8]
    assert all("seed_1" in line for line in others)
    report = read_json(os.path.join(output, "starts.json"))
    rows = report["rows"]
    # A figure that could not be had is in no row, and stops nothing.
    assert rows["subcategory, random"] == {
        "ours_accuracy": {"mean": 0.75, "std": 0.0, "runs": 2}
    }
    assert rows["two towers"]["corrected_itr"]["runs"] == 2
    assert rows["two towers"]["pretraining_seconds"]["mean"] == 80
    assert rows["ours, not fine-tuned"]["corrected_itr"]["runs"] == 2
    assert rows["ours, not fine-tuned"]["pretraining_seconds"]["mean"] == 500.5
    assert "itm_itr" not in rows["two towers"]
    assert report["left_out"] == ["FashionBERT"]
    # With them FashionBERT is there, asked enough lists: it has no other scorer.
    grid = tiny_records.write_tiny_records(
        str(tmp_path / "grid"), 24, 12, 30,
        spec=tiny_records.tiny_spec(layout="grid8"), catalog_seed=1,
    )
    made = new_calls("--seeds=0", f"--grid_records={grid.directory}")
    # What is trained for as long as ours looks at how long that was: at its figures, or
    # at the run of the seed that has none.
    assert names(made) == [
        "pretrain", "pretrain", "evaluate",
        "pretrain", "pretrain", "pretrain", "evaluate",
    ]
    own = [line for line in made if "preset.py:tiny " not in line]
    assert all(f"--records={grid.directory} " in line for line in own)
    assert len(own) == 6 and "fashionbert_small.py " in own[1]
    assert "--whole_list_queries=200 " in own[2]
    report = read_json(os.path.join(output, "starts.json"))
    assert report["rows"]["FashionBERT"]["itm_queries"]["mean"] == 9
    assert report["left_out"] == []
    # Other settings do not stand beside these.
    process, before = begin("--seeds=2", "--steps=9")
    code, _, errors = outcome(process)
    assert code == 1 and "is of another comparison" in errors and "steps" in errors
    assert len(calls()) == before
    # What is wrong is said before anything is trained.
    before = len(calls())
    for flag, message in (
        ("--seeds=0,a", "--seeds takes whole numbers. Received: ['0', 'a']"),
        (f"--grid_records={record_set.directory}/", "needs records of layout=grid8"),
    ):
        process, _ = begin(flag)
        code, _, errors = outcome(process)
        assert code == 1 and message in errors and "Traceback" not in errors
    assert len(calls()) == before
