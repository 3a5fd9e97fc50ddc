"""A BERT's states are those of an independent one; what does not fit is named."""

import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf
from safetensors.numpy import load_file, save_file

from kaleido import config as configs
from kaleido import presets
from kaleido.interop.bert import load_bert, load_minilm
from kaleido.interop.variable_rules import variables_by_name
from kaleido.layers.encoder import AttentionBias
from kaleido.models import build_networks
from kaleido.patches import LAYOUTS
from kaleido.text import RESERVED, Tokenizer, Vocabulary
from tests.interop import released_model
from tests.layers.test_encoder import exact_gelu, layer_norm

TEXTS = [
    "Navy v-neck sweater in merino wool.",
    "Women's floral-print maxi dress, 100% cotton, with a concealed zip at the back",
    "shoes",
]


def numpy_bert(tensors, ids, heads):
    """Final states of one text without padding: Hugging Face names and layout."""

    def linear(x, name):
        kernel = tensors[f"{name}.weight"].T.astype(np.float64)
        return x @ kernel + tensors[f"{name}.bias"]

    def norm(x, name):
        return layer_norm(x, tensors[f"{name}.weight"], tensors[f"{name}.bias"])

    x = tensors["embeddings.word_embeddings.weight"][ids].astype(np.float64)
    x = x + tensors["embeddings.position_embeddings.weight"][: len(ids)]
    x = x + tensors["embeddings.token_type_embeddings.weight"][0]
    x = norm(x, "embeddings.LayerNorm")
    layer = 0
    while f"encoder.layer.{layer}.output.dense.weight" in tensors:
        prefix = f"encoder.layer.{layer}"
        query, key, value = (
            linear(x, f"{prefix}.attention.self.{p}").reshape(len(ids), heads, -1)
            for p in ("query", "key", "value")
        )
        logits = np.einsum("qhd,khd->hqk", query, key) / np.sqrt(query.shape[-1])
        weights = np.exp(logits - logits.max(-1, keepdims=True))
        weights /= weights.sum(-1, keepdims=True)
        context = np.einsum("hqk,khd->qhd", weights, value).reshape(len(ids), -1)
        attended = linear(context, f"{prefix}.attention.output.dense")
        x = norm(x + attended, f"{prefix}.attention.output.LayerNorm")
        hidden = exact_gelu(linear(x, f"{prefix}.intermediate.dense"))
        changed = linear(hidden, f"{prefix}.output.dense")
        x = norm(x + changed, f"{prefix}.output.LayerNorm")
        layer += 1
    return x


def test_minilm_gives_the_sentence_vectors_of_an_independent_bert(
    minilm_file, english
):
    model = configs.ModelConfig(
        hidden_size=384, num_layers=6, num_heads=12, intermediate_size=1536,
        contrastive_size=384, max_text_positions=32,
    )
    networks = build_networks(model, LAYOUTS["kaleido"], len(english), 4)
    load_minilm(networks, english)
    ids = Tokenizer(english)(tf.constant(TEXTS), 32).numpy()
    tensors = load_file(minilm_file)
    states = [numpy_bert(tensors, row[row > 0], 12) for row in ids]
    # All states, beside padding and other texts.
    received = networks.text_embedding(ids)
    bias = AttentionBias()(tf.constant(ids > 0))
    for layer in networks.encoder_layers:
        received = layer(received, bias)
    for one, expected in zip(received.numpy(), states):
        np.testing.assert_allclose(one[: len(expected)], expected, atol=1e-5)
    # And the text pass ends in their mean, as a unit vector.
    networks.contrastive.text_projection.kernel.assign(np.eye(384))
    vectors = networks.text({"token_ids": ids}).numpy()
    means = np.stack([s.mean(0) for s in states])
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    np.testing.assert_allclose(vectors, means, atol=1e-5)
    # Sanity: two garments are more alike than either is to shoes.
    similar = vectors @ vectors.T
    assert similar[0, 1] > max(similar[0, 2], similar[1, 2]) - 0.1


def tiny_bert(layers=2, words=30):
    """Random tensors of a BERT: hidden 32, feed-forward 64."""
    rng = np.random.default_rng(0)

    def random(*shape):
        return rng.normal(size=shape).astype(np.float32)

    tensors = {
        "embeddings.position_ids": np.arange(80)[None],
        "embeddings.word_embeddings.weight": random(words, 32),
        "embeddings.position_embeddings.weight": random(80, 32),
        "embeddings.token_type_embeddings.weight": random(2, 32),
        "pooler.dense.weight": random(32, 32), "pooler.dense.bias": random(32),
        "embeddings.LayerNorm.weight": random(32),
        "embeddings.LayerNorm.bias": random(32),
    }
    for i in range(layers):
        prefix = f"encoder.layer.{i}"
        shapes = {
            "attention.self.query": (32, 32), "attention.self.key": (32, 32),
            "attention.self.value": (32, 32), "attention.output.dense": (32, 32),
            "intermediate.dense": (64, 32), "output.dense": (32, 64),
            "attention.output.LayerNorm": (32,), "output.LayerNorm": (32,),
        }
        for name, shape in shapes.items():
            tensors[f"{prefix}.{name}.weight"] = random(*shape)
            tensors[f"{prefix}.{name}.bias"] = random(shape[0])
    return tensors


PIECES = Vocabulary((*RESERVED, *(f"piece{i}" for i in range(30 - len(RESERVED)))))


def load(tensors, tmp_path, gelu="exact", **more_files):
    save_file(tensors, str(tmp_path / "model.safetensors"))
    return load_folder(tmp_path, gelu, **more_files)


def load_folder(tmp_path, gelu="exact", **files):
    for name, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (tmp_path / name.replace("_", ".")).write_text(text, encoding="utf-8")
    model = dataclasses.replace(presets.preset("tiny").model, gelu=gelu)
    networks = build_networks(model, LAYOUTS["kaleido"], len(PIECES), 4)
    load_bert(networks, str(tmp_path), PIECES, model)
    return networks


def states_of(networks, ids):
    return networks.encode(networks.text_embedding(ids), tf.constant(ids != 0))


IDS = np.array([[2, 9, 17, 29, 3]])
# Texts of unlike lengths, the longest without padding.
BATCH = np.array(
    [[2, 9, 17, 29, 3, 0, 0, 0], [2, 5, 6, 7, 8, 11, 12, 3], [2, 3, 0, 0, 0, 0, 0, 0]]
)


def test_every_tensor_finds_its_place(tmp_path):
    tensors = tiny_bert()
    networks = load(tensors, tmp_path)
    np.testing.assert_allclose(
        states_of(networks, IDS)[0], numpy_bert(tensors, IDS[0], heads=4), atol=1e-5
    )
    # Patches start as BERT's second segment.
    np.testing.assert_array_equal(
        networks.patch_embedding.modality,
        tensors["embeddings.token_type_embeddings.weight"][1],
    )
    pooler = networks.joint.get_layer("pooler")
    np.testing.assert_array_equal(pooler.kernel, tensors["pooler.dense.weight"].T)


def with_heads(tensors):
    """The same BERT, as `BertForPreTraining` holds it."""
    rng = np.random.default_rng(1)
    heads = {
        "transform.dense.weight": (32, 32), "transform.dense.bias": (32,),
        "transform.LayerNorm.weight": (32,), "transform.LayerNorm.bias": (32,),
        "bias": (30,),
    }
    return {
        **{f"bert.{name}": value for name, value in tensors.items()},
        **{
            f"cls.predictions.{name}": rng.normal(size=shape).astype(np.float32)
            for name, shape in heads.items()
        },
        "cls.seq_relationship.weight": np.zeros((2, 32), np.float32),
        "cls.seq_relationship.bias": np.zeros(2, np.float32),
    }


def test_the_masked_language_head_comes_along_where_it_is_there(tmp_path):
    tensors = with_heads(tiny_bert())
    table = tensors["bert.embeddings.word_embeddings.weight"]
    bias = tensors["cls.predictions.bias"]
    # Copies of what the file holds anyhow, and a name of TensorFlow's time.
    tensors["cls.predictions.decoder.weight"] = table.copy()
    tensors["cls.predictions.decoder.bias"] = bias.copy()
    tensors["bert.embeddings.LayerNorm.gamma"] = tensors.pop(
        "bert.embeddings.LayerNorm.weight"
    )
    networks = load(tensors, tmp_path)
    np.testing.assert_array_equal(networks.joint.get_layer("mlm_bias").bias, bias)
    np.testing.assert_array_equal(
        networks.joint.get_layer("mlm").transform.kernel,
        tensors["cls.predictions.transform.dense.weight"].T,
    )
    # An output matrix of its own we have no place for.
    tensors["cls.predictions.decoder.weight"] = table + 1
    with pytest.raises(ValueError, match="without a place: .*decoder.weight"):
        load(tensors, tmp_path)
    # Half a head is not a head.
    tensors["cls.predictions.decoder.weight"] = table
    del tensors["cls.predictions.transform.LayerNorm.bias"]
    with pytest.raises(ValueError, match="without a value: .*mlm/norm/beta"):
        load(tensors, tmp_path)


def test_googles_checkpoint_is_the_same_bert(tmp_path):
    tensors = with_heads(tiny_bert())
    named = {google_name(name): value for name, value in tensors.items()}
    named.pop("bert/embeddings/position_ids")
    kernels = {
        name: value.T if name.endswith("/kernel") else value
        for name, value in named.items()
    }
    theirs, google = tmp_path / "theirs", tmp_path / "google"
    theirs.mkdir()
    expected = load(tensors, theirs)
    slots = released_model.optimizer_variables(kernels)
    released_model.save_checkpoint(str(google), {**kernels, **slots}, {})
    received = load_folder(google)
    for ours, other in zip(received.joint.weights, expected.joint.weights):
        if ours.name.split("/")[0] in ("patch_embedding", "itm", "rotation", "jigsaw",
                                       "camouflage", "grey", "blank", "fusion"):
            continue
        np.testing.assert_array_equal(ours.numpy(), other.numpy(), err_msg=ours.name)


def google_name(name):
    """The name of a tensor in a checkpoint of Google's."""
    name = name.replace("encoder.layer.", "encoder/layer_").replace(".", "/")
    parts = name.split("/")
    if name == "cls/predictions/bias":
        return "cls/predictions/output_bias"
    if parts[1] == "seq_relationship":
        return name.replace("weight", "output_weights").replace("/bias", "/output_bias")
    if parts[-2] == "LayerNorm":
        return name.replace("/weight", "/gamma").replace("/bias", "/beta")
    if parts[-2].endswith("_embeddings"):
        return name[: -len("/weight")]
    return name.replace("/weight", "/kernel")


@pytest.mark.parametrize("activation, gelu", [("gelu", "exact"), ("gelu_new", "tanh")])
@pytest.mark.parametrize("kind", ["BertModel", "BertForMaskedLM", "BertForPreTraining"])
def test_hidden_states_are_those_of_transformers(tmp_path, kind, activation, gelu):
    transformers = pytest.importorskip("transformers", reason="needs the extra `bench`")
    torch = pytest.importorskip("torch", reason="needs the extra `bench`")
    torch.manual_seed(0)
    theirs = getattr(transformers, kind)(
        transformers.BertConfig(
            vocab_size=len(PIECES), hidden_size=32, num_hidden_layers=2,
            num_attention_heads=4, intermediate_size=64, hidden_act=activation,
            max_position_embeddings=80, initializer_range=0.2,
        )
    ).eval()
    theirs.save_pretrained(str(tmp_path))
    networks = load_folder(tmp_path, gelu)
    seen = BATCH != 0
    with torch.no_grad():
        found = theirs(
            torch.tensor(BATCH), attention_mask=torch.tensor(seen),
            output_hidden_states=True,
        )
    states = states_of(networks, BATCH)
    # What stands in the place of padding nobody reads.
    np.testing.assert_allclose(
        states.numpy()[seen], found.hidden_states[-1].numpy()[seen], atol=1e-5
    )
    if kind == "BertModel":
        pooled = networks.joint.get_layer("pooler")(states[:, 0])
        np.testing.assert_allclose(pooled, found.pooler_output.numpy(), atol=1e-5)
        return
    joint = networks.joint
    logits = joint.get_layer("mlm_bias")(
        networks.text_embedding(joint.get_layer("mlm")(states), reverse=True)
    )
    expected = getattr(found, "logits", None)
    expected = found.prediction_logits if expected is None else expected
    np.testing.assert_allclose(
        logits.numpy()[seen], expected.numpy()[seen], atol=1e-5
    )


def test_a_bert_that_computes_otherwise_is_refused(tmp_path):
    tensors = tiny_bert()
    load(tensors, tmp_path, gelu="tanh", config_json={"hidden_act": "gelu_new"})
    load(tensors, tmp_path, config_json={"num_attention_heads": 4})
    for message, config in {
        # Of the same tensors, cut otherwise.
        "num_attention_heads=8.*model.num_heads=4": {"num_attention_heads": 8},
        r"hidden_act='gelu_new'.*\('tanh',\).*'exact'": {"hidden_act": "gelu_new"},
        r"hidden_act='relu'.*\(\)": {"hidden_act": "relu"},
        "layer_norm_eps.*1e-05": {"layer_norm_eps": 1e-5},
        "absolute positions.*relative_key": {"position_embedding_type": "relative_key"},
    }.items():
        with pytest.raises(ValueError, match=message):
            load(tensors, tmp_path, config_json=config)
    (tmp_path / "config.json").unlink()
    save_file(tensors, str(tmp_path / "other.safetensors"))
    with pytest.raises(ValueError, match="must hold one .safetensors file"):
        load_folder(tmp_path)


def test_what_no_configuration_says_is_a_warning(tmp_path, caplog):
    said = {
        "num_attention_heads": 4, "hidden_act": "gelu", "layer_norm_eps": 1e-12,
    }
    load(tiny_bert(), tmp_path, config_json=said)
    assert "unchecked" not in caplog.text
    del said["layer_norm_eps"]
    load(tiny_bert(), tmp_path, config_json=said)
    assert "says layer_norm_eps: unchecked" in caplog.text
    (tmp_path / "config.json").unlink()
    load(tiny_bert(), tmp_path)
    assert "num_attention_heads, hidden_act, layer_norm_eps: unchecked" in caplog.text


def test_what_stays_as_it_began_is_listed(tmp_path):
    model = presets.preset("tiny").model

    def left_of(tensors):
        networks = build_networks(model, LAYOUTS["kaleido"], len(PIECES), 4)
        save_file(tensors, str(tmp_path / "model.safetensors"))
        first = {
            name: variable.numpy() for name, variable in variables_by_name(
                networks.joint, networks.text, networks.image
            ).items()
        }
        left = load_bert(networks, str(tmp_path), PIECES, model).left
        now = variables_by_name(networks.joint, networks.text, networks.image)
        changed = {n for n, v in now.items() if not np.array_equal(first[n], v)}
        # All variables, once: what was filled has changed, the rest has not.
        assert not changed & set(left) and changed | set(left) == set(now)
        return {name.split("/")[0] for name in left}

    begun = {"patch_embedding", "itm", "rotation", "blank", "contrastive"}
    without = tiny_bert()
    del without["pooler.dense.weight"], without["pooler.dense.bias"]
    assert left_of(without) >= begun | {"pooler", "mlm", "mlm_bias"}
    whole = left_of(with_heads(tiny_bert()))
    assert whole >= begun and not whole & {"pooler", "mlm", "mlm_bias", "layer_0"}


def test_pieces_that_both_vocabularies_have_take_over_their_vectors(tmp_path):
    tensors = tiny_bert(words=31)
    # [PAD] comes first, in whatever vocabulary.
    pieces = [PIECES.pieces[0], *PIECES.pieces[:0:-1], "another"]
    networks = load(tensors, tmp_path, vocab_txt="\n".join(pieces) + "\n")
    table = tensors["embeddings.word_embeddings.weight"]
    for row, piece in enumerate(PIECES.pieces):
        np.testing.assert_array_equal(
            networks.text_embedding.words[row], table[pieces.index(piece)]
        )
    with pytest.raises(ValueError, match="vectors of 31 word pieces.*of 30"):
        load(tensors, tmp_path, vocab_txt="\n".join(pieces[:-1]) + "\n")
    tensors["embeddings.word_embeddings.weight"] = table[:, :31]
    with pytest.raises(ValueError, match=r"word_embed.*\[31, 31\].*\[31, 32\]"):
        load(tensors, tmp_path, vocab_txt="\n".join(pieces) + "\n")


def test_a_missing_tensor_is_named(tmp_path):
    tensors = tiny_bert()
    del tensors["encoder.layer.1.output.dense.bias"]
    without = "without a value: .*layer_1/feed_forward_output/bias"
    with pytest.raises(ValueError, match=without):
        load(tensors, tmp_path)


def test_a_tensor_left_over_is_named(tmp_path):
    with pytest.raises(ValueError, match="without a place: .*encoder.layer.2"):
        load(tiny_bert(layers=3), tmp_path)


def test_a_tensor_of_another_shape_is_named_with_both(tmp_path):
    with pytest.raises(ValueError, match=r"word_embeddings.*\[31, 32\].*\[30, 32\]"):
        load(tiny_bert(words=31), tmp_path)


def test_a_table_with_too_few_positions_is_named(tmp_path):
    tensors = tiny_bert()
    name = "embeddings.position_embeddings.weight"
    tensors[name] = tensors[name][:50]
    with pytest.raises(ValueError, match=r"position_emb.*\[50, 32\].*\[64, 32\]"):
        load(tensors, tmp_path)


def test_pieces_of_a_learnt_vocabulary_keep_their_vectors(minilm_file, english):
    model = configs.ModelConfig(
        hidden_size=384, num_layers=6, num_heads=12, intermediate_size=1536,
    )
    learnt = Vocabulary((*RESERVED, "navy", "qqschal", "##er"))
    networks = build_networks(model, LAYOUTS["kaleido"], len(learnt.pieces), 4)
    before = networks.text_embedding.words.numpy()
    load_minilm(networks, learnt)
    table = load_file(minilm_file)["embeddings.word_embeddings.weight"]
    for piece, row in learnt.ids.items():
        known = piece in english.ids
        assert known == (piece != "qqschal")
        expected = table[english.ids[piece]] if known else before[row]
        np.testing.assert_array_equal(networks.text_embedding.words[row], expected)
