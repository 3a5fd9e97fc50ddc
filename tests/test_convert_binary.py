"""A converted checkpoint is used as any run is: evaluated, fine-tuned, exported."""

import json

import numpy as np
import pytest

from kaleido.files import read_json
from tests import tiny_records
from tests.interop import released_model as model
from tests.interop.test_released import write_fixture
from tests.test_binaries import outcome, start
from tests.test_evaluation_binaries import succeeded

SIZES = {
    **model.SIZES, "vocab_size": len(tiny_records.VOCABULARY),
    "patch_feature_size": tiny_records.FEATURE_SIZE,
}


def refused(process):
    code, _, errors = outcome(process)
    assert code == 1, errors
    return errors.strip().splitlines()[-1]


# 60 s of processor time: most of it imports TensorFlow and traces.
@pytest.mark.slow
def test_a_converted_checkpoint_is_used_as_any_run(tmp_path):
    def path(name):
        return str(tmp_path / name)

    records = tiny_records.write_tiny_records(path("records"), 24, 12, test=30)
    variables = model.random_variables(SIZES)
    head = {
        # A classifier that says scarves, whatever it sees; the records know no hats.
        "kernel": np.zeros((SIZES["hidden_size"], 4), np.float32),
        "bias": np.array([0, 9, 0, 0], np.float32),
    }
    variables.update({f"subcatepred_dense/{k}": v for k, v in head.items()})
    prefix = model.save_checkpoint(path("theirs"), variables, SIZES)
    (tmp_path / "names.txt").write_text("hats\nscarves\nboots\ncoats\n")

    def convert(output, *more):
        return start(
            "experiments.convert_checkpoint", f"--source={prefix}",
            f"--config={path('theirs/config.json')}", f"--output={path(output)}", *more,
        )

    classes = f"--classes={path('names.txt')}"
    succeeded(convert("run", classes, f"--records={records.directory}"))
    unknown = convert("unknown", classes)
    assert "--classes must name" in refused(convert("no"))
    succeeded(unknown)
    assert "holds a run" in refused(convert("run", classes))

    evaluated = start(
        "experiments.evaluate", f"--workdir={path('unknown')}", "--match_queries=4",
        f"--records={records.directory}", f"--output={path('itr.json')}", "--nofloor",
    )
    classified = start(
        "experiments.finetune", "--task=subcategory", f"--checkpoint={path('run')}",
        f"--records={records.directory}", f"--workdir={path('subcategory')}",
        "--config.training.steps=0", "--config.data.batch_size=8",
    )
    succeeded(evaluated)
    assert set(read_json(path("itr.json"))["scorers"]) == {"itm"}
    succeeded(classified)
    ours = read_json(path("subcategory/results.json"))["rows"][0]
    outcomes = np.load(path("subcategory/results.outcomes.npz"))
    assert ours["accuracy"] == outcomes["right_ours"].mean()
    labels = read_json(path("subcategory/results.cases.json"))
    assert {case["said"] for case in labels} == {"scarves"}

    exported = start(
        "experiments.export", f"--workdir={path('unknown')}",
        f"--output={path('export')}",
    )
    assert "--records" in refused(exported)


# 10 s of processor time: imports TensorFlow.
@pytest.mark.slow
def test_verification_prints_one_line_and_fails_where_it_must(tmp_path):
    write_fixture(tmp_path)
    arguments = ("experiments.verify_checkpoint", f"--fixture={tmp_path}")
    agreeing, strict = start(*arguments), start(*arguments, "--tolerance=1e-12")
    code, output, errors = outcome(agreeing)
    assert code == 0, errors
    found = json.loads(output)
    assert found["agrees"] and found["largest"] == max(found["differences"].values())
    code, output, _ = outcome(strict)
    assert code == 1 and not json.loads(output)["agrees"]
