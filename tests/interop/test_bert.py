"""MiniLM's sentence vectors are those of an independent BERT in NumPy."""

import numpy as np
import pytest
import tensorflow as tf
from safetensors.numpy import load_file, save_file

from kaleido import config as configs
from kaleido import presets
from kaleido.interop.bert import load_bert_encoder, load_minilm
from kaleido.layers.encoder import AttentionBias
from kaleido.models import build_networks
from kaleido.patches import LAYOUTS
from kaleido.text import RESERVED, Tokenizer, Vocabulary
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
    load_bert_encoder(networks, minilm_file)
    ids = Tokenizer(english)(tf.constant(TEXTS), 32).numpy()
    tensors = load_file(minilm_file)
    states = [numpy_bert(tensors, row[row > 0], 12) for row in ids]
    # All states, beside padding and other texts.
    received = networks.text_embedding(ids)
    bias = AttentionBias()(tf.constant(ids > 0))
    for layer in networks.encoder_layers:
        received = layer(received, bias)
    for one, expected in zip(received.numpy(), states):
        np.testing.assert_allclose(one[: len(expected)], expected, atol=1e-4)
    # And the text pass ends in their mean, as a unit vector.
    networks.contrastive.text_projection.kernel.assign(np.eye(384))
    vectors = networks.text({"token_ids": ids}).numpy()
    means = np.stack([s.mean(0) for s in states])
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    np.testing.assert_allclose(vectors, means, atol=1e-4)
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


def load(tensors, tmp_path, **options):
    model = presets.preset("tiny").model
    networks = build_networks(model, LAYOUTS["kaleido"], 30, 4)
    path = str(tmp_path / "bert.safetensors")
    save_file(tensors, path)
    load_bert_encoder(networks, path)
    return networks


def test_every_tensor_finds_its_place(tmp_path):
    tensors = tiny_bert()
    networks = load(tensors, tmp_path)
    ids = np.array([[2, 9, 17, 29, 3]])
    states = networks.text_embedding(ids)
    for layer in networks.encoder_layers:
        states = layer(states, tf.zeros([1, 1, 1, 5]))
    np.testing.assert_allclose(
        states[0], numpy_bert(tensors, ids[0], heads=4), atol=1e-4
    )
    # Patches start as BERT's second segment.
    np.testing.assert_array_equal(
        networks.patch_embedding.modality,
        tensors["embeddings.token_type_embeddings.weight"][1],
    )


def test_a_missing_tensor_is_named(tmp_path):
    tensors = tiny_bert()
    del tensors["encoder.layer.1.output.dense.bias"]
    with pytest.raises(ValueError, match="lacks encoder.layer.1.output.dense.bias"):
        load(tensors, tmp_path)


def test_a_tensor_left_over_is_named(tmp_path):
    with pytest.raises(ValueError, match="2 layers.*encoder.layer.2"):
        load(tiny_bert(layers=3), tmp_path)


def test_a_tensor_of_another_shape_is_named_with_both(tmp_path):
    with pytest.raises(ValueError, match=r"word_embeddings.*\(31, 32\).*\(30, 32\)"):
        load(tiny_bert(words=31), tmp_path)


def test_a_table_with_too_few_positions_is_named(tmp_path):
    tensors = tiny_bert()
    name = "embeddings.position_embeddings.weight"
    tensors[name] = tensors[name][:50]
    with pytest.raises(ValueError, match=r"position_emb.*\(50, 32\).*\(64, 32\)"):
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
