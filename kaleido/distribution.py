"""Devices and workers: strategies, who writes, what replicas share."""

from __future__ import annotations

from typing import Any, Optional, Sequence

import tensorflow as tf


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Whether this process is the one of its job that writes files."""
    resolver = strategy.cluster_resolver
    if resolver is None or not resolver.cluster_spec().as_dict():
        return True
    return resolver.task_type == "chief" or (
        resolver.task_type == "worker" and resolver.task_id == 0
        and "chief" not in resolver.cluster_spec().as_dict()
    )


def share_weights(strategy: tf.distribute.Strategy, variables) -> None:
    """Gives every replica the first one's values.

    Variables that each worker computed for itself (closed forms, files) may
    differ in their last digits; training would never notice.
    """
    variables = list(variables)

    @tf.function
    def first_values():
        context = tf.distribute.get_replica_context()
        is_first = tf.equal(context.replica_id_in_sync_group, 0)
        mine = [tf.where(is_first, v, tf.zeros_like(v)) for v in variables]
        return context.all_reduce(tf.distribute.ReduceOp.SUM, mine)

    for variable, value in zip(variables, strategy.run(first_values)):
        variable.assign(strategy.experimental_local_results(value)[0])


def compiles(asked: Optional[bool]) -> bool:
    """Whether XLA compiles a training: as asked for, else where there is a GPU."""
    return bool(tf.config.list_physical_devices("GPU")) if asked is None else asked


def make_strategy(name: str, devices: Sequence[str] = ()) -> tf.distribute.Strategy:
    """Returns a distribution strategy by its flag name.

    Args:
        name: `one_device`, `mirrored` (all GPUs of this machine) or
            `multi_worker` (TF_CONFIG says who takes part).
        devices: devices to use instead of all.

    Raises:
        ValueError: if the name is unknown.
    """
    if name == "one_device":
        has_gpu = bool(tf.config.list_logical_devices("GPU"))
        default = "/gpu:0" if has_gpu else "/cpu:0"
        return tf.distribute.OneDeviceStrategy(devices[0] if devices else default)
    if name == "mirrored":
        return tf.distribute.MirroredStrategy(list(devices) or None)
    if name == "multi_worker":
        return tf.distribute.MultiWorkerMirroredStrategy()
    raise ValueError(
        "The strategy must be one_device, mirrored or multi_worker. "
        f"Received: {name!r}"
    )


def all_rows(values: Any) -> Any:
    """Joins the rows of all replicas, for each of them: any structure of tensors."""
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1:
        return values
    # Inputs lie on no device that the exchange could read off them; copies do.
    return tf.nest.map_structure(
        lambda value: context.all_gather(tf.identity(value), axis=0), values
    )


def first_row(local: tf.Tensor) -> tf.Tensor:
    """Row of the gathered tensor at which this replica's begins, int32 scalar.

    The last batch of a validation may hold fewer rows on some replicas.
    """
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1:
        return tf.constant(0)
    rows = all_rows(tf.shape(local)[:1])
    earlier = tf.range(tf.size(rows)) < context.replica_id_in_sync_group
    return tf.reduce_sum(tf.where(earlier, rows, 0))
