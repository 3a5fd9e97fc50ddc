"""Our train step and scoring against Hugging Face BERT on PyTorch, BERT-base shape.

Both sides do the same work: 64 word pieces and 55 patches of 2,048 features
through BERT-base; the step has the masked-language head on ten positions, a
matching head, and AdamW.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List

import numpy as np

from kaleido.benchmarking import entry, interleaved_seconds

_BATCH, _TOKENS, _PATCHES, _FEATURES, _MASKED = 8, 64, 55, 2048, 10
_VOCAB, _HIDDEN, _PAIRS = 30522, 768, 101


def _inputs(rng, batch):
    return {
        "token_ids": rng.integers(1000, _VOCAB, (batch, _TOKENS), dtype=np.int32),
        "patch_features": rng.random((batch, _PATCHES, _FEATURES), np.float32),
        "patch_positions": rng.random((batch, _PATCHES, 5), np.float32),
        "masked_positions": np.tile(
            np.arange(1, 1 + _MASKED, dtype=np.int32), (batch, 1)
        ),
        "masked_ids": rng.integers(1000, _VOCAB, (batch, _MASKED), dtype=np.int32),
        "matched": (rng.random(batch) < 0.5).astype(np.float32),
    }


def _tensorflow(policy: str, work: str) -> Callable[[], Any]:
    import tensorflow as tf

    from kaleido.freezing import freeze_model
    from kaleido.inference import PAIRS_TOGETHER
    from kaleido.losses import classification, matching
    from kaleido.models import build_networks
    from kaleido.patches import LAYOUTS
    from kaleido.presets import preset

    tf.keras.mixed_precision.set_global_policy(policy)
    networks = build_networks(
        preset("paper").model, LAYOUTS["kaleido"], _VOCAB, _FEATURES
    )
    outputs = networks.joint.output
    model = tf.keras.Model(
        networks.joint.input, {name: outputs[name] for name in ("mlm", "itm")}
    )
    match = tf.keras.Model(networks.joint.input, outputs["itm"])
    optimizer = tf.keras.optimizers.AdamW(2e-5)
    variables = model.trainable_variables
    rng = np.random.default_rng(0)

    def constants(batch):
        values = {k: tf.constant(v) for k, v in _inputs(rng, batch).items()}
        for name, tensor in networks.joint.input.items():
            if name not in values:
                values[name] = tf.zeros([batch, tensor.shape[1]], tf.int32)
        return values

    @tf.function
    def step(batch):
        inputs = {name: batch[name] for name in networks.joint.input}
        with tf.GradientTape() as tape:
            out = model(inputs, training=True)
            words = classification(
                out["mlm"], batch["masked_ids"],
                tf.ones([_BATCH, _MASKED]),
            )
            pairs = matching(out["itm"], batch["matched"])
            loss = words.loss / words.count + pairs.loss / pairs.count
        gradients = tape.gradient(loss, variables)
        used = [(g, v) for g, v in zip(gradients, variables) if g is not None]
        optimizer.apply_gradients(used)
        return loss

    if work == "step":
        train = constants(_BATCH)
        return lambda: step(train).numpy()

    # As `inference.Scorer` does it.
    score_batch = freeze_model(match)
    pairs = constants(_PAIRS)
    parts = [
        {k: v[start : start + PAIRS_TOGETHER] for k, v in pairs.items()}
        for start in range(0, _PAIRS, PAIRS_TOGETHER)
    ]
    return lambda: np.concatenate([score_batch(part).numpy() for part in parts])


def _pytorch(bf16: bool, compiled: bool, work: str) -> Callable[[], Any]:
    import torch
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)

    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.bert = BertModel(BertConfig())
            self.feature = torch.nn.Linear(_FEATURES, _HIDDEN)
            self.position = torch.nn.Linear(5, _HIDDEN)
            self.norm = torch.nn.LayerNorm(_HIDDEN, eps=1e-12)
            self.transform = torch.nn.Linear(_HIDDEN, _HIDDEN)
            self.transform_norm = torch.nn.LayerNorm(_HIDDEN, eps=1e-12)
            self.bias = torch.nn.Parameter(torch.zeros(_VOCAB))
            self.match = torch.nn.Linear(_HIDDEN, 1)
            self.dropout = torch.nn.Dropout(0.1)

        def states(self, token_ids, features, positions):
            # BERT's own embedding of the words; patches stand beside them.
            words = self.bert.embeddings(input_ids=token_ids)
            patches = self.feature(features) + self.position(positions)
            patches = self.dropout(self.norm(patches))
            return self.bert.encoder(torch.cat([words, patches], 1)).last_hidden_state

        def forward(self, token_ids, features, positions, masked=None):
            states = self.states(token_ids, features, positions)
            pooled = self.bert.pooler(states)
            logit = self.match(pooled)[:, 0]
            if masked is None:
                return logit
            rows = torch.arange(len(masked))[:, None]
            hidden = torch.nn.functional.gelu(self.transform(states[rows, masked]))
            table = self.bert.embeddings.word_embeddings.weight
            words = self.transform_norm(hidden) @ table.T + self.bias
            return logit, words

    model = Model()
    forward = torch.compile(model) if compiled else model
    optimizer = torch.optim.AdamW(model.parameters(), 2e-5)
    rng = np.random.default_rng(0)

    def tensors(batch):
        values = {k: torch.from_numpy(v) for k, v in _inputs(rng, batch).items()}
        return {k: v.long() if v.dtype == torch.int32 else v for k, v in values.items()}

    def arguments(batch):
        return batch["token_ids"], batch["patch_features"], batch["patch_positions"]

    train, pairs = tensors(_BATCH), tensors(_PAIRS)

    def step():
        model.train()
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            logit, words = forward(*arguments(train), train["masked_positions"])
        functional = torch.nn.functional
        loss = functional.cross_entropy(
            words.float().reshape(-1, _VOCAB), train["masked_ids"].reshape(-1)
        ) + functional.binary_cross_entropy_with_logits(
            logit.float(), train["matched"]
        )
        loss.backward()
        optimizer.step()
        return float(loss)

    def score():
        model.eval()
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            return forward(*arguments(pairs)).float().numpy()

    return {"step": step, "score": score}[work]


def _compare(work: str, name: str, installed_goal: float) -> List[Dict[str, Any]]:
    """Compares like with like as installed (fp32), and best with best."""
    import torch

    calls = {
        "ours float32": _tensorflow("float32", work),
        "ours mixed_bfloat16": _tensorflow("mixed_bfloat16", work),
        "PyTorch fp32": _pytorch(False, False, work),
        "PyTorch bf16": _pytorch(True, False, work),
        "PyTorch fp32 compiled": _pytorch(False, True, work),
        "PyTorch bf16 compiled": _pytorch(True, True, work),
    }
    seconds = interleaved_seconds(calls, repeats=5, warmups=2)
    best_ours = min(v for k, v in seconds.items() if k.startswith("ours"))
    best_theirs = min(v for k, v in seconds.items() if k.startswith("PyTorch"))
    details = {
        "seconds": {k: round(v, 3) for k, v in seconds.items()},
        "torch": torch.__version__,
    }
    return [
        entry(
            f"{name}: HF PyTorch as installed / ours",
            seconds["PyTorch fp32"] / seconds["ours float32"], installed_goal,
            **details,
        ),
        entry(
            f"{name}: HF PyTorch at its best / ours",
            best_theirs / best_ours, 1.05, **details,
        ),
    ]


def train_step() -> List[Dict[str, Any]]:
    """Returns the ratios of a train step."""
    return _compare("step", "train step, BERT-base, 119 tokens, batch 8", 1.8)


def scoring() -> List[Dict[str, Any]]:
    """Returns the ratios of scoring a query's 101 pairs."""
    return _compare("score", "scoring 101 pairs, BERT-base", 2.0)
