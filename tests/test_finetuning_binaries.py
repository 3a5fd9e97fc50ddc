"""Fine-tuning to joint page: the binaries one after the other, and what they refuse."""

import pytest

from kaleido.files import read_json
from tests import tiny_records
from tests.test_binaries import outcome, start
from tests.test_evaluation_binaries import succeeded, untrained_run

SMALL = (
    "--config.data.batch_size=8", "--config.data.group_size=1",
    "--config.training.steps=2", "--config.training.eval_every=2",
    "--config.training.precision=float32",
)


# 90 s of processor time: most of it imports TensorFlow and traces.
@pytest.mark.slow
def test_fine_tuning_to_joint_page(tmp_path):
    def path(name):
        return str(tmp_path / name)

    record_set = tiny_records.write_tiny_records(path("records"), 24, 12, test=30)
    untrained_run(path("run"), record_set, 0)

    def finetune(task, *more, workdir=None):
        return start(
            "experiments.finetune", f"--task={task}", f"--checkpoint={path('run')}",
            f"--records={record_set.directory}", f"--workdir={path(workdir or task)}",
            *SMALL, *more,
        )

    # Two at a time.
    trained = {
        "subcategory": finetune("subcategory"), "itr": finetune("itr", "--nobaselines")
    }
    for process in trained.values():
        succeeded(process)
    captions = finetune("caption")
    manifest = f"--manifest={path('itr/results.manifest.json')}"
    refused = {
        "has nothing to tell apart": finetune("category"),
        "--manifest is of itr and tir": finetune("caption", manifest, workdir="no"),
        "has no other examples": finetune("caption", "--split=other", workdir="no"),
    }
    succeeded(captions)
    for message, process in refused.items():
        code, _, errors = outcome(process)
        last = errors.strip().splitlines()[-1]
        assert code == 1 and last.startswith("ERROR: ") and message in last, errors
    results = read_json(path("subcategory/results.json"))
    names = [row["name"] for row in results["rows"]]
    assert names == ["ours", "nearest_pictures", "text_regression"]
    assert results["provenance"]["records"] == record_set.content
    ranks = read_json(path("itr/results.json"))
    assert "contrastive" in ranks["scorers"] and "floor" not in ranks
    # Again: nothing is trained, and the figures are the same.
    again = finetune("subcategory")
    _, errors = succeeded(again)
    assert "step 1/2" not in errors and "step 2/2" not in errors
    assert read_json(path("subcategory/results.json")) == results

    joined = start(
        "experiments.report",
        *(f"--results=tiny={path(task)}/results.json"
          for task in ("itr", "subcategory", "caption")),
        f"--output={path('joint.html')}",
    )
    succeeded(joined)
    titles = [table["title"] for table in read_json(path("joint.json"))["tables"]]
    assert [title.split(",")[0] for title in titles] == [
        "Retrieval (the paper's Table 2)", "Sub-category", "Captions",
    ]
    page = (tmp_path / "joint.html").read_text()
    assert "Kaleido-BERT (published" in page and "upper half by CIDEr" in page
    assert record_set.content in page
    # Whoever reads the tables has the commands.
    commands = [
        line.split(" --")[0]
        for line in (tmp_path / "joint.md").read_text().splitlines()
        if line.startswith("python -m ")
    ]
    assert commands == [
        "python -m experiments.finetune", "python -m experiments.finetune",
        "python -m experiments.finetune",
    ]
    # Figures are not written over with tables of them.
    before = read_json(path("itr/results.json"))
    over = start(
        "experiments.report", f"--results=tiny={path('itr/results.json')}",
        f"--output={path('itr/results.html')}",
    )
    code, _, errors = outcome(over)
    assert code == 1 and "would replace its own input" in errors
    assert read_json(path("itr/results.json")) == before
