"""The authors' checkpoints return what an independent network does, or are refused."""

import json
import os

import numpy as np
import pytest
import tensorflow as tf

from kaleido.interop import released, verification
from kaleido.interop.released_outputs import released_outputs
from kaleido.interop.tensorflow_names import OPTIMIZER
from kaleido.interop.variable_rules import find_rule
from kaleido.interop.verification import verify
from tests.interop import released_model as model

# What the joint model calls what the authors call otherwise.
_JOINT = {
    "rotation": "rotation_logits", "jigsaw": "jigsaw_logits",
    "camouflage": "camouflage_logits", "grey": "greymask_logits",
    "blank": "blankmask_logits", "mlm": "mlm_logits",
}


def converted(folder, variables, sizes):
    prefix = model.save_checkpoint(str(folder), variables, sizes)
    source = released.read_released(prefix, sizes)
    networks = source.build()
    filled = released.fill_networks(networks, source, prefix)
    return source, networks, filled


@pytest.mark.parametrize(
    "changes",
    [
        {},
        # Level k has segment id k: of tables of four rows the last two add nothing.
        {"patch_type_vocab_size": 4, "num_hidden_layers": 1},
        {"patch_type_vocab_size": 6, "type_vocab_size": 3, "hidden_size": 48},
        {"patch_type_vocab_size": 1, "type_vocab_size": 1, "num_attention_heads": 1},
    ],
)
def test_all_outputs_are_those_of_an_independent_network(tmp_path, changes):
    sizes = {**model.SIZES, **changes}
    variables = model.random_variables(sizes)
    source, networks, filled = converted(
        tmp_path, {**variables, **model.optimizer_variables(variables)}, sizes
    )
    assert sorted(filled.used) == sorted(variables) and not filled.unused
    assert len(source.skipped) == 2 * len(variables) + 3
    inputs = model.random_inputs(sizes)
    # The second half of the words has an id beyond the table, which adds nothing.
    segments = np.arange(sizes["text_seq_len"]) * 2 // sizes["text_seq_len"]
    inputs["segment_ids"] = segments * sizes["type_vocab_size"] + inputs["input_mask"]
    expected = model.run(variables, sizes, inputs)
    received = released_outputs(networks, inputs)
    assert set(received) == set(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(received[name], value, atol=2e-5, err_msg=name)


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_verification_computes_in_float32_and_leaves_what_was_set(tmp_path, precision):
    write_fixture(tmp_path)
    try:
        tf.keras.mixed_precision.set_global_policy(precision)
        tf.config.experimental.enable_tensor_float_32_execution(True)
        assert verify(str(tmp_path))["largest"] < 2e-5
        assert tf.keras.mixed_precision.global_policy().name == precision
        assert tf.config.experimental.tensor_float_32_execution_enabled()
    finally:
        tf.keras.mixed_precision.set_global_policy("float32")


def test_the_joint_model_returns_the_same(tmp_path):
    sizes = model.SIZES
    variables = model.random_variables(sizes)
    _, networks, _ = converted(tmp_path, variables, sizes)
    inputs = model.random_inputs(sizes)
    expected = model.run(variables, sizes, inputs)
    blanked = inputs["feature_blankmask"].copy()
    blanked[np.arange(2)[:, None], inputs["blank_lm_ids"]] = 0
    features = [
        blanked if level == "blankmask" else inputs[f"feature_{level}"]
        for level in model.LEVELS
    ]
    positions = [inputs[f"position_{level}"] for level in model.LEVELS]
    received = networks.joint(
        {
            "token_ids": inputs["input_ids"].astype(np.int32),
            "patch_features": np.concatenate(features, axis=1),
            "patch_positions": np.concatenate(positions, axis=1).astype(np.float32),
            "masked_positions": inputs["masked_lm_positions"].astype(np.int32),
            "grey_indices": inputs["grey_lm_ids"].astype(np.int32),
            "blank_indices": inputs["blank_lm_ids"].astype(np.int32),
        }
    )
    for name, theirs in _JOINT.items():
        value = received[name].numpy()
        value = value.reshape(-1, value.shape[-1])
        np.testing.assert_allclose(value, expected[theirs], atol=2e-5, err_msg=name)
    # The second of the authors' two outputs says yes.
    log_odds = expected["nsp_logits"][:, 1] - expected["nsp_logits"][:, 0]
    np.testing.assert_allclose(received["itm"], log_odds, atol=2e-5)


def test_the_reference_fixture_agrees(data_folder):
    fixture = data_folder.parent / "reference_checkpoint"
    if not fixture.is_dir():
        pytest.skip(f"no fixture at {fixture}")
    found = verify(str(fixture))
    assert len(found["differences"]) == 10 and found["largest"] <= 2e-5
    assert found["variables_left"] == 0 and found["variables_used"] == 91


def write_fixture(folder, outputs=None, inputs=None, only=(), more=()):
    variables = model.random_variables(model.SIZES)
    saved = {**variables, **dict(more)}
    model.save_checkpoint(str(folder), saved, model.SIZES)
    inputs = inputs or model.random_inputs(model.SIZES)
    outputs = outputs or model.run(variables, model.SIZES, inputs)
    np.savez(
        folder / "io.npz",
        **{f"in_{name}": value for name, value in inputs.items()},
        **{
            f"out_{name}": value for name, value in outputs.items()
            if not only or name in only
        },
    )
    return outputs


def test_a_difference_is_found(tmp_path):
    outputs = write_fixture(tmp_path)
    assert verify(str(tmp_path))["largest"] < 2e-5
    outputs["jigsaw_logits"] = outputs["jigsaw_logits"].copy()
    outputs["jigsaw_logits"][1, 3] += 0.01
    write_fixture(tmp_path, outputs)
    found = verify(str(tmp_path))
    assert found["largest"] == found["differences"]["jigsaw_logits"]
    np.testing.assert_allclose(found["largest"], 0.01, atol=1e-4)
    outputs["jigsaw_logits"][0, 0] = np.nan
    write_fixture(tmp_path, outputs)
    assert verify(str(tmp_path))["largest"] == np.inf
    write_fixture(tmp_path, {"pooled": outputs["pooled"][:, :3]})
    with pytest.raises(ValueError, match=r"out_pooled has the shape \(2, 3\)"):
        verify(str(tmp_path))


@pytest.mark.parametrize(
    "key, name, theirs, asked",
    [
        ("vocab_size", "bert/embeddings/word_embeddings", [60, 32], [61, 32]),
        ("hidden_size", "bert/embeddings/word_embeddings", [60, 32], [60, 33]),
        ("patch_feature_size", "bert/rotation_embeddings/rotation_projector",
         [12, 32], [13, 32]),
        ("patch_type_vocab_size", "bert/rotation_embeddings/rotation_type_embeddings",
         [2, 32], [3, 32]),
        ("intermediate_size", "bert/encoder/layer_0/intermediate/dense/kernel",
         [32, 64], [32, 65]),
    ],
)
def test_a_size_that_does_not_fit_names_variable_and_shapes(
    tmp_path, key, name, theirs, asked
):
    sizes = model.SIZES
    prefix = model.save_checkpoint(
        str(tmp_path), model.random_variables(sizes), sizes
    )
    with pytest.raises(ValueError) as error:
        released.read_released(prefix, {**sizes, key: sizes[key] + 1})
    for part in (f"{model.ROOT}/{name}", str(theirs), str(asked), key):
        assert part in str(error.value)


def test_what_does_not_fit_is_refused(tmp_path):
    sizes = model.SIZES
    variables = model.random_variables(sizes)
    pooler = f"{model.ROOT}/bert/pooler/dense/kernel"
    second = f"{model.ROOT}/bert/encoder/layer_1/output/dense/kernel"
    cases = {
        "Tensors without a place: .*extra/kernel": {
            **variables, f"{model.ROOT}/extra/kernel": variables[pooler],
        },
        "Variables without a value: .*pooler/kernel": {
            k: v for k, v in variables.items() if k != pooler
        },
        # One of the three that our fused matrix is made of.
        "Variables without a value: .*layer_0/qkv/kernel": {
            k: v for k, v in variables.items()
            if not k.endswith("layer_0/attention/self/key/kernel")
        },
        r"layer_1/output/dense/kernel has the shape \[64, 31\].*\[64, 32\]": {
            **variables, second: variables[second][:, :-1],
        },
    }
    for number, (message, changed) in enumerate(cases.items()):
        with pytest.raises(ValueError, match=message):
            converted(tmp_path / str(number), changed, sizes)
    prefix = model.save_checkpoint(str(tmp_path / "good"), variables, sizes)
    for message, changed in {
        "num_hidden_layers=3": {**sizes, "num_hidden_layers": 3},
        "lacks .'vocab_size'.": {k: v for k, v in sizes.items() if k != "vocab_size"},
        "4 patches for img_jigsaw_seq_len": {**sizes, "img_jigsaw_seq_len": 9},
        "hidden_act='relu'": {**sizes, "hidden_act": "relu"},
        "hidden_act='gelu_python'": {**sizes, "hidden_act": "gelu_python"},
        "layer_norm_eps=1e-05": {**sizes, "layer_norm_eps": 1e-5},
    }.items():
        with pytest.raises(ValueError, match=message):
            released.read_released(prefix, changed)
    said = {**sizes, "hidden_act": "gelu", "layer_norm_eps": 1e-12}
    assert released.read_released(prefix, said).config.model.gelu == "tanh"
    with pytest.raises(ValueError, match="no checkpoint at .*elsewhere"):
        released.read_released(str(tmp_path / "elsewhere"), sizes)


def test_a_fine_tuned_classifier_brings_the_names_of_its_classes(tmp_path):
    sizes, hidden = model.SIZES, model.SIZES["hidden_size"]
    rng = np.random.default_rng(3)
    head = {
        "kernel": rng.normal(size=(hidden, 3)).astype(np.float32),
        "bias": rng.normal(size=3).astype(np.float32),
    }
    for root in ("", f"{model.ROOT}/"):
        variables = {
            **model.random_variables(sizes),
            **{f"{root}subcatepred_dense/{k}": v for k, v in head.items()},
        }
        source, _, filled = converted(tmp_path / (root or "none"), variables, sizes)
        assert len(filled.used) == len(variables) - 2
        names = tmp_path / "names.txt"
        names.write_text("COATS\nBOOTS\nSCARVES\n", encoding="utf-8")
        ((task, found),) = released.read_classifiers(source, str(names)).items()
        assert task == "subcategory"
        assert found["names"].tolist() == [b"COATS", b"BOOTS", b"SCARVES"]
        np.testing.assert_array_equal(found["kernel"], head["kernel"])
        with pytest.raises(ValueError, match="--classes must name"):
            released.read_classifiers(source, "")
        names.write_text("COATS\nCOATS\nSCARVES\n", encoding="utf-8")
        with pytest.raises(ValueError, match="3 names, 2 different ones"):
            released.read_classifiers(source, str(names))
    plain, _, _ = converted(tmp_path / "plain", model.random_variables(sizes), sizes)
    assert released.read_classifiers(plain, "") == {}
    with pytest.raises(ValueError, match="names the classes of one classifier"):
        released.read_classifiers(plain, str(names))


def test_verification_counts_what_it_does_not_use(tmp_path):
    sizes = model.SIZES
    variables = model.random_variables(sizes)
    head = {"kernel": np.zeros((32, 3), np.float32), "bias": np.zeros(3, np.float32)}
    outputs = write_fixture(
        tmp_path, only=("pooled", "mlm_logits"),
        more={**{f"catepred_dense/{k}": v for k, v in head.items()}, "extra/kernel":
              np.zeros(2, np.float32), "training/Adam/iter": np.int64(7)},
    )
    found = verify(str(tmp_path))
    assert found["variables_used"] == len(variables) + 2
    assert found["classifier_variables"] == 2
    assert found["variables_left"] == 1 and found["left"] == ["extra/kernel"]
    assert found["optimizer_variables_skipped"] == 1
    assert set(found["differences"]) == {"pooled", "mlm_logits"}
    assert found["outputs_missing"] == sorted(set(outputs) - {"pooled", "mlm_logits"})


def test_verification_runs_what_evaluation_runs_where_it_can(tmp_path, monkeypatch):
    write_fixture(tmp_path)
    found = verify(str(tmp_path))
    assert found["joint_examples"] == 2 and 0 < found["joint_largest"] < 2e-5
    # The second example has segments that the joint model does not know.
    inputs = model.random_inputs(model.SIZES)
    inputs["segment_ids"][1, 2] = 1
    write_fixture(tmp_path, inputs=inputs)
    found = verify(str(tmp_path))
    assert found["joint_examples"] == 1 and found["joint_largest"] < 2e-5
    # The first one's mask is not that of its padding.
    inputs["input_mask"][0, 1] = 0
    write_fixture(tmp_path, inputs=inputs)
    found = verify(str(tmp_path))
    assert found["joint_examples"] == 0 and found["joint_largest"] is None
    assert found["largest"] < 2e-5
    # A head of the joint model that is not as it should be.
    write_fixture(tmp_path)
    right = verification.joint_outputs

    def wrong(networks, given):
        found = right(networks, given)
        return {**found, "nsp_logits": found["nsp_logits"] + 0.01}

    monkeypatch.setattr(verification, "joint_outputs", wrong)
    np.testing.assert_allclose(verify(str(tmp_path))["joint_largest"], 0.01, atol=1e-4)


@pytest.mark.parametrize(
    "name, skipped",
    [
        ("bert/pooler/dense/kernel/Adam_1", True), ("training/Adam/iter", True),
        ("bert/pooler/dense/kernel/AdamW", True), ("bert/x/kernel/adam_v", True),
        ("bert/x/kernel/LazyAdam_1", True), ("beta1_power", True),
        ("scope/global_step", True), ("bert/pooler/dense/kernel", False),
    ],
)
def test_whatever_adam_remembers_is_the_optimisers(name, skipped):
    assert bool(find_rule(OPTIMIZER, name)) == skipped


def test_the_fixture_folder_must_be_whole(tmp_path):
    with pytest.raises(ValueError, match="must hold one checkpoint"):
        verify(str(tmp_path))
    write_fixture(tmp_path)
    with open(tmp_path / "config.json", encoding="utf-8") as file:
        assert json.load(file) == model.SIZES
    os.remove(tmp_path / "io.npz")
    with pytest.raises(FileNotFoundError):
        verify(str(tmp_path))
