"""The comparison of starts from its flags to its page, with trainings left out."""

import os

import pytest

from kaleido.callbacks import metrics_path
from kaleido.files import read_json, write_text
from tests import tiny_records
from tests.test_binaries import outcome, start
from tests.test_evaluation_binaries import succeeded, untrained_run


# 30 s of processor time: it imports TensorFlow five times.
@pytest.mark.slow
def test_what_is_done_is_not_done_again_and_all_are_asked_the_same(tmp_path):
    record_set = tiny_records.write_tiny_records(str(tmp_path / "records"), 24, 12, 30)
    run, output = str(tmp_path / "run"), str(tmp_path / "starts")
    os.makedirs(output)
    untrained_run(run, record_set, 0)
    write_text(metrics_path(run), '{"step": 4, "seconds": 500.0}\n')

    def begin(*more):
        before = len(calls())
        process = start(
            "tests.starts_of_fakes", f"--records={record_set.directory}",
            f"--checkpoint={run}", f"--output={output}", "--tasks=itr,subcategory",
            *more,
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
    assert [line.split()[0] for line in made] == [
        "make_manifest", *["finetune"] * 8,
        # The closed forms as they are.
        "finetune", "finetune",
        # Ours as it stands; two towers, timed and then trained. No grid records: no
        # FashionBERT.
        "evaluate", "pretrain", "pretrain", "evaluate",
    ]
    for task, line in zip(("itr", "subcategory"), made[9:11]):
        assert f"--task={task} --start=closed_forms" in line and "steps=0 " in line
    # The network alone, from every start, but where a row says otherwise.
    joined = [line for line in made if "--closed_forms=True" in line]
    assert len(joined) == 2 and made.index(joined[1]) == 10
    assert "--start=pretrained" in joined[0] and "--task=subcategory" in joined[0]
    assert all("warmup_steps=60 " in line for line in made[1:9])
    assert "--steps=250" in made[13] and f"--workdir={run} " in made[11]
    asked = [line for line in made if line[:3] == "eva" or "--task=itr" in line]
    manifest = f"--manifest={output}/manifest.json"
    assert len(asked) == 7 and all(manifest in line for line in asked)
    # Again: nothing. Another seed: what is fine-tuned.
    assert new_calls("--seeds=0") == []
    assert [line.split()[0] for line in new_calls("--seeds=0,1")] == ["finetune"] * 8
    rows = read_json(os.path.join(output, "starts.json"))["rows"]
    # A figure that could not be had is in no row, and stops nothing.
    assert rows["subcategory, random"] == {
        "ours_accuracy": {"mean": 0.75, "std": 0.0, "runs": 2}
    }
    assert rows["two towers"]["corrected_itr"]["runs"] == 1
    # A run that does not say how long it took has nobody to be compared with.
    os.remove(metrics_path(run))
    process, before = begin("--seeds=3")
    code, _, errors = outcome(process)
    assert code == 1 and "rivals train for as long" in errors
    assert "Traceback" not in errors
    write_text(metrics_path(run), '{"step": 4, "seconds": 500.0}\n')
    # Other settings do not stand beside these.
    process, before = begin("--seeds=2", "--steps=9")
    code, _, errors = outcome(process)
    assert code == 1 and "is of another comparison" in errors and "steps" in errors
    assert len(calls()) == before
