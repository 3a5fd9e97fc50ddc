"""Trains the two networks of the AAG on a catalogue's image-text pairs."""

from __future__ import annotations

import os
import time
from typing import Any, Callable, Dict, Mapping

import numpy as np
import tensorflow as tf
from absl import logging

from kaleido.caption_pairs import Pairs
from kaleido.files import claim_folder, digest_arrays, read_json, write_json


def train(
    network: tf.keras.Model,
    loss: Callable[..., Dict[str, tf.Tensor]],
    splits: Mapping[str, Pairs],
    workdir: str,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    patience: int,
    seed: int,
    group_size: int = 1,
) -> Dict[str, Any]:
    """Trains a network in place until validation stops improving.

    A run that was stopped goes on after its last whole epoch, with other dropout
    masks than it would have had. The best epoch's weights are the result.

    Args:
        network: a captioner or a grounder.
        loss: (network, batch, training) -> `loss`, and what is summed for
            validation: `nats` over `pieces`.
        splits: `train` and `validation`.
        workdir: receives checkpoints and `log.json`.
        epochs: at most.
        batch_size: pairs a step.
        learning_rate: its peak; falls as a cosine over `epochs`.
        patience: epochs in a row without a better validation that end the training; 0
            is 1.
        seed: of order and dropout.
        group_size: pairs of one sub-category that stand together in a batch.

    Returns:
        `epochs`: for each, the validation's mean `nats` and `perplexity`; `best`:
        the index of the best.

    Raises:
        ValueError: if a split has fewer pairs than a batch, the folder is that of
            another training, or the loss is no number.
    """
    few = {name: len(pairs) for name, pairs in splits.items() if not len(pairs)}
    if few or len(splits["train"]) < batch_size:
        raise ValueError(
            f"Training needs a batch of {batch_size} training pairs and some for "
            f"validation. Received: { {k: len(v) for k, v in splits.items()} }"
        )
    job = {
        "network": network.name,
        "spec": {k: v for k, v in vars(network.spec).items() if k != "pieces"},
        "pairs": {
            name: digest_arrays(pairs.token_ids, pairs.groups)
            for name, pairs in splits.items()
        },
        "epochs": epochs, "batch_size": batch_size, "learning_rate": learning_rate,
        "patience": patience, "seed": seed, "group_size": group_size,
    }
    claim_folder(workdir, job, "the training", ["log.json"])
    tf.keras.utils.set_random_seed(seed)
    per_epoch = len(splits["train"]) // batch_size
    optimizer = tf.keras.optimizers.AdamW(
        tf.keras.optimizers.schedules.CosineDecay(learning_rate, epochs * per_epoch),
        weight_decay=1e-3, global_clipnorm=1.0,
    )
    network(splits["train"].batch(np.arange(2)))
    optimizer.build(network.trainable_variables)

    @tf.function(reduce_retracing=False)
    def step(batch):
        with tf.GradientTape() as tape:
            value = loss(network, batch, True)["loss"]
        gradients = tape.gradient(value, network.trainable_variables)
        optimizer.apply_gradients(zip(gradients, network.trainable_variables))
        return value

    judge = tf.function(lambda batch: loss(network, batch, False))

    def validate():
        pairs = splits["validation"]
        order = _order(pairs.groups, group_size, [seed])
        sums = np.zeros(2)
        for start in range(0, len(pairs), batch_size):
            rows = np.sort(order[start : start + batch_size])
            figures = judge(pairs.batch(rows))
            sums += [float(figures["nats"]), float(figures["pieces"])]
        return sums[0] / max(sums[1], 1.0)

    done = tf.Variable(0, trainable=False)
    log = {"epochs": [], "best": 0}
    latest = tf.train.Checkpoint(network=network, optimizer=optimizer, done=done)
    manager = tf.train.CheckpointManager(latest, os.path.join(workdir, "last"), 1)
    best = tf.train.CheckpointManager(
        tf.train.Checkpoint(network=network), os.path.join(workdir, "best"), 2
    )
    log_path = os.path.join(workdir, "log.json")
    if manager.latest_checkpoint:
        latest.restore(manager.latest_checkpoint)
        log = read_json(log_path)
        log["epochs"] = log["epochs"][: int(done)]
        log["best"] = int(np.argmin([e["nats"] for e in log["epochs"]]))
        logging.info("%s: resumed after epoch %d", network.name, int(done))
    for epoch in range(int(done), epochs):
        if epoch - 1 - log["best"] >= max(patience, 1):
            break
        start = time.monotonic()
        order = _order(splits["train"].groups, group_size, [seed, epoch])
        total = last = 0.0
        for index in range(per_epoch):
            rows = np.sort(order[index * batch_size : (index + 1) * batch_size])
            total += float(step(splits["train"].batch(rows)))
            now = time.monotonic()
            if now - max(last, start) > 10:
                last = now
                logging.info(
                    "%s, epoch %d: %d/%d steps, loss %.3f, %.0f s left in it",
                    network.name, epoch + 1, index + 1, per_epoch, total / (index + 1),
                    (now - start) / (index + 1) * (per_epoch - index - 1),
                )
        if not np.isfinite(total):
            raise ValueError(
                f"The training of the {network.name} has diverged; take a lower "
                f"learning rate. Received: loss {total}, rate {learning_rate}"
            )
        nats = validate()
        log["epochs"].append(
            {"nats": round(nats, 5), "perplexity": round(float(np.exp(nats)), 4)}
        )
        logging.info(
            "%s, epoch %d of %d: loss %.3f, validation perplexity %.3f, %.0f s",
            network.name, epoch + 1, epochs, total / per_epoch, np.exp(nats),
            time.monotonic() - start,
        )
        if np.argmin([e["nats"] for e in log["epochs"]]) == epoch:
            log["best"] = epoch
            best.save(checkpoint_number=epoch + 1)
        done.assign(epoch + 1)
        write_json(log_path, log)
        manager.save(checkpoint_number=epoch + 1)
    # By its number: a run that was killed may have left a later one.
    best.checkpoint.restore(os.path.join(workdir, "best", f"ckpt-{log['best'] + 1}"))
    return log


def _order(groups: np.ndarray, group_size: int, seed) -> np.ndarray:
    """Orders pairs by chance, but so that groups of one sub-category stay together."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(groups))
    if group_size == 1:
        return order
    order = order[np.argsort(groups[order], kind="stable")]
    whole = len(order) // group_size * group_size
    mixed = rng.permutation(order[:whole].reshape(-1, group_size), axis=0)
    return np.concatenate([mixed.reshape(-1), order[whole:]])
