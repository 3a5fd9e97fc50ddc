"""A converted checkpoint is used as any run is: evaluated, fine-tuned, exported."""

import json

import numpy as np
import pytest
import tensorflow as tf

from kaleido import workdir
from kaleido.callbacks import read_lines
from kaleido.files import read_json
from kaleido.preprocessing import Preprocessor
from kaleido.serving.saved_model import serving_module
from kaleido.text import Tokenizer
from tests import tiny_records
from tests.interop import released_model as model
from tests.interop.test_released import write_fixture
from tests.serving.test_saved_model import pictures
from tests.test_binaries import outcome, start
from tests.test_evaluation_binaries import succeeded

TEXTS = ["word1 word2 word30", "word7 word8"]


def refused(process):
    code, _, errors = outcome(process)
    assert code == 1, errors
    return errors.strip().splitlines()[-1]


def authors_probabilities(variables, sizes, seen):
    """What the independent network says of pictures with `TEXTS`, float [n]."""
    length = sizes["text_seq_len"]
    ids = Tokenizer(tiny_records.VOCABULARY)(tf.constant(TEXTS), length).numpy()
    nothing = np.zeros((len(ids), 0), np.int64)
    inputs = {
        "input_ids": ids, "input_mask": (ids > 0).astype(np.int64),
        "segment_ids": np.zeros_like(ids), "masked_lm_positions": nothing,
        "grey_lm_ids": nothing, "blank_lm_ids": nothing,
    }
    ends = np.cumsum(list(model.LEVELS.values()))[:-1]
    for name in ("feature", "position"):
        by_level = np.split(seen[f"patch_{name}s"].numpy(), ends, axis=1)
        for level, values in zip(model.LEVELS, by_level):
            inputs[f"{name}_{level}"] = values
    logits = model.run(variables, sizes, inputs)["nsp_logits"]
    return 1 / (1 + np.exp(logits[:, 0] - logits[:, 1]))


# 150 s of processor time: a backbone, and most of the rest imports TensorFlow.
@pytest.mark.slow
def test_a_converted_checkpoint_is_used_as_any_run(tmp_path, efficientnet_file):
    def path(name):
        return str(tmp_path / name)

    spec = Preprocessor(
        tiny_records.VOCABULARY, saliency_method="none", crop_size=32,
        whole_crop_size=64, max_tokens=tiny_records.MAX_TOKENS,
        num_plans=tiny_records.NUM_PLANS,
    ).spec
    records = tiny_records.write_tiny_records(
        path("records"), 24, 12, test=30, spec=spec
    )
    sizes = {
        **model.SIZES, "vocab_size": len(tiny_records.VOCABULARY),
        "patch_feature_size": spec.feature_size,
    }
    variables = model.random_variables(sizes)
    head = {
        # A classifier that says scarves, whatever it sees; the records know no hats.
        "kernel": np.zeros((sizes["hidden_size"], 4), np.float32),
        "bias": np.array([0, 9, 0, 0], np.float32),
    }
    classes = {f"subcatepred_dense/{k}": v for k, v in head.items()}
    prefixes = {
        "paired": model.save_checkpoint(path("paired"), variables, sizes),
        "classed": model.save_checkpoint(
            path("classed"), {**variables, **classes}, sizes
        ),
    }
    (tmp_path / "names.txt").write_text("hats\nscarves\nboots\ncoats\n")

    def convert(source, output, *more):
        return start(
            "experiments.convert_checkpoint", f"--source={prefixes[source]}",
            f"--config={path(source)}/config.json", f"--output={path(output)}", *more,
        )

    names, known = f"--classes={path('names.txt')}", f"--records={records.directory}"
    converting = [
        convert("paired", "pairs", known), convert("paired", "unknown"),
        convert("classed", "classes", known, names),
    ]
    assert "--classes must name" in refused(convert("classed", "no"))
    for process in converting:
        succeeded(process)
    again = convert("classed", "classes", names)

    def finetune(steps):
        return start(
            "experiments.finetune", "--task=subcategory",
            f"--checkpoint={path('classes')}", known,
            f"--workdir={path(f'trained{steps}')}", f"--config.training.steps={steps}",
            "--config.training.eval_every=2", "--config.data.batch_size=8",
            "--config.training.precision=float32",
        )

    evaluated = start(
        "experiments.evaluate", f"--workdir={path('unknown')}", "--match_queries=4",
        known, f"--output={path('itr.json')}", "--nofloor",
    )
    trained = {steps: finetune(steps) for steps in (0, 2)}
    assert "holds a run" in refused(again)
    succeeded(evaluated)
    assert set(read_json(path("itr.json"))["scorers"]) == {"itm"}
    for steps, process in trained.items():
        succeeded(process)
        folder = path(f"trained{steps}")
        ours = read_json(f"{folder}/results.json")["rows"][0]
        outcomes = np.load(f"{folder}/results.outcomes.npz")
        assert ours["accuracy"] == outcomes["right_ours"].mean()
        # Two steps are no reason for another opinion.
        cases = read_json(f"{folder}/results.cases.json")
        assert {case["said"] for case in cases} == {"scarves"}
    assert read_lines(f"{path('trained2')}/metrics.jsonl")[-1]["step"] == 2
    assert workdir.checkpoint_step(workdir.latest_checkpoint(path("trained2"))) == 2

    exported = start(
        "experiments.export", f"--workdir={path('pairs')}", f"--output={path('export')}"
    )
    with pytest.raises(ValueError, match="convert its checkpoint with --records"):
        serving_module(path("unknown"))
    succeeded(exported)
    images, texts = tf.constant(pictures()), tf.constant(TEXTS)
    served = tf.saved_model.load(path("export")).signatures
    assert set(served) == {"serving_default"}
    found = served["serving_default"](images=images, texts=texts)["match_probability"]
    module = serving_module(path("classes"))
    seen = module._plain.pictures(images)
    np.testing.assert_allclose(
        found, authors_probabilities(variables, sizes, seen), atol=1e-5
    )
    said = module.signatures()["serving_default"](images, texts)
    assert said["class"].numpy().tolist() == [b"scarves"] * 2
    assert said["names"].numpy().tolist()[1] == b"scarves"
    np.testing.assert_allclose(
        said["probabilities"], [tf.nn.softmax(head["bias"]).numpy()] * 2, atol=1e-6
    )


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
