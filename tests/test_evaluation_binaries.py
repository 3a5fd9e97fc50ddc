"""Manifest, evaluation, comparison: the binaries one after the other."""

import json
import os

import numpy as np
import pytest
import tensorflow as tf

from kaleido import workdir
from kaleido.files import read_json
from kaleido.models import networks_for
from tests import tiny_records
from tests.test_binaries import outcome, start


def untrained_run(folder, record_set, seed, config=None):
    """A run whose checkpoint holds what it began with."""
    config = config or tiny_records.tiny_config()
    workdir.claim_workdir(folder, config, record_set)
    tf.keras.utils.set_random_seed(seed)
    networks = networks_for(config, record_set.spec)
    tf.train.CheckpointManager(
        tf.train.Checkpoint(
            joint=networks.joint, text=networks.text, image=networks.image
        ),
        os.path.join(folder, "checkpoints"), 1,
    ).save(checkpoint_number=1)


def succeeded(process):
    code, output, errors = outcome(process)
    assert code == 0, errors[-2000:]
    return output, errors


# 60 s of processor time: most of it imports TensorFlow and traces the scorer.
@pytest.mark.slow
def test_manifest_to_comparison(tmp_path):
    def path(name):
        return str(tmp_path / name)

    record_set = tiny_records.write_tiny_records(path("records"), 16, 12, test=30)
    others = tiny_records.write_tiny_records(path("others"), 8, 0, test=30, seed=1)
    for seed in (0, 1):
        untrained_run(path(f"run{seed}"), record_set, seed)
    drawing = [
        start(
            "experiments.make_manifest", f"--records={records.directory}", "--seed=4",
            "--draws=2", f"--output={path(f'{name}.manifest.json')}",
        )
        for name, records in (("test", record_set), ("others", others))
    ]
    printed, _ = succeeded(drawing[0])
    succeeded(drawing[1])
    summary = read_json(path("test.manifest.json"))["summary"]
    assert json.loads(printed.splitlines()[-1]) == summary
    assert summary["records"] == record_set.content
    assert summary["draws"] == 2 and summary["audit"]["removed"] == 0
    with open(path("test.manifest.json"), encoding="utf-8") as file:
        content = json.load(file)
    content["summary"]["version"] = 1
    (tmp_path / "old.manifest.json").write_text(json.dumps(content))

    def evaluate(run, name, manifest="test"):
        return start(
            "experiments.evaluate", f"--workdir={path(run)}", "--nofloor",
            f"--records={record_set.directory}", f"--output={path(name)}.json",
            f"--manifest={path(manifest)}.manifest.json", "--whole_list_queries=3",
            "--weight_queries=4", "--verbosity=0",
        )

    evaluating = {name: evaluate(f"run{name[0]}", name) for name in ("0a", "0b", "1a")}
    refused = {
        "another catalogue than the test split": evaluate("run0", "no", "others"),
        "reads manifest version 2": evaluate("run0", "no", "old"),
    }
    for process in evaluating.values():
        assert "contrastive view" in succeeded(process)[1]
    for message, process in refused.items():
        code, _, errors = outcome(process)
        assert code == 1 and message in errors and "Traceback" not in errors
        # Before anything was scored.
        assert "contrastive view" not in errors
    assert not os.path.exists(path("no.json"))

    results = {name: read_json(path(f"{name}.json")) for name in evaluating}
    for name, found in results.items():
        (command,) = found.pop("commands")
        assert command.startswith("python -m experiments.evaluate --workdir=")
        assert f"--output={path(name)}.json" in command
    # The same seed and the same weights: the same numbers.
    assert results["0a"] == results["0b"]
    made = [results[name]["provenance"] for name in ("0a", "1a")]
    assert made[0]["model"] != made[1]["model"]
    assert made[0]["records"] == made[1]["records"] == record_set.content
    for found in results.values():
        assert found["manifest"]["fingerprint"] == summary["fingerprint"]
        assert found["primary"] == "both"
    with np.load(path("0a.outcomes.npz")) as file:
        lists, full = file["contrastive/itr/lists"], file["contrastive/itr/full"]
        assert lists.shape == (2, 30) and full.shape == file["query_ids"].shape == (30,)
        figures = results["0a"]["scorers"]["contrastive"]["itr"]
        assert figures["rank_at_5"] == round(float((lists <= 5).mean()), 4)
        assert figures["full"]["rank_at_10"] == round(float((full <= 10).mean()), 4)

    def compare(output, *arguments):
        return start("experiments.compare", *arguments, f"--output={path(output)}")

    comparing = {
        "same": compare("same", path("0a.json"), path("0b.json"), "--scorer=both"),
        "scorers": compare(
            "scorers", path("0a.json"), path("0a.json"), "--scorer=reranked",
            "--other_scorer=contrastive",
        ),
        "runs": compare(
            "runs", path("0a.json"), path("1a.json"), "--scorer=contrastive"
        ),
    }
    one_file = compare("x", path("0a.json"))
    for name, process in comparing.items():
        printed, _ = succeeded(process)
        assert json.loads(printed.splitlines()[-1]) == read_json(path(name))
    same, scorers, runs = (read_json(path(name)) for name in comparing)
    length = str(summary["candidates"])
    for task in ("itr", "tir"):
        assert list(same[task]) == [length, "full"]
        for figures in same[task].values():
            assert figures["p_value"] == 1.0 and figures["difference"] == 0.0
        found = results["0a"]["scorers"]
        for side, name in (("a", "reranked"), ("b", "contrastive")):
            expected = 100 * found[name][task]["rank_at_1"]
            assert scorers[task][length][side] == pytest.approx(expected, abs=0.01)
        expected = 100 * results["1a"]["scorers"]["contrastive"][task]["rank_at_1"]
        assert runs[task][length]["b"] == pytest.approx(expected, abs=0.01)
    code, _, errors = outcome(one_file)
    assert code == 1 and "Two results files are compared. Received" in errors
