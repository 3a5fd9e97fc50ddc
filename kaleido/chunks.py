"""Batches taken through a network part by part."""

from __future__ import annotations

from typing import Callable

import tensorflow as tf


def in_chunks(
    network: Callable[[tf.Tensor], tf.Tensor], batch: tf.Tensor, most: int, size: int
) -> tf.Tensor:
    """Returns what a network makes of a batch, and asks it about a few rows at a time.

    The layers of a large batch of pictures do not fit into a CPU's caches, and each
    waits for the memory; of a few pictures they do.

    Args:
        network: [n, ...] -> float32 [n, size]; what it makes of a row does not depend
            on the others.
        batch: [rows, ...], rows known in the graph only.
        most: rows of a chunk.
        size: of what the network returns; no row is no chunk, and known all the same.
    """
    rows = tf.shape(batch)[0]
    chunks = (rows + most - 1) // most

    def step(index, made):
        return index + 1, made.write(index, network(batch[index * most :][:most]))

    made = tf.TensorArray(
        tf.float32, chunks, infer_shape=False, element_shape=[None, size]
    )
    _, made = tf.while_loop(
        lambda index, _: index < chunks,
        step,
        (0, made),
        # One after the other: two would share the caches.
        parallel_iterations=1,
    )
    return made.concat()
