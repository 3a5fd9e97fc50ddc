"""Records to batches: what is drawn afresh at each visit.

The order of an epoch depends on nothing but (seed, epoch), what is drawn for a
record on nothing but (seed, epoch, record): a run can be resumed anywhere.
"""

from __future__ import annotations

from typing import Callable, Dict, Optional, Sequence

import tensorflow as tf

from kaleido import corruption, records
from kaleido.config import Config, DataConfig

# Validation is drawn as one epoch that training never reaches, so that each
# validation meets the same corruption.
VALIDATION_EPOCH = 2**31 - 1


# Serialised examples [batch] and the epoch, int64 scalar, to a batch.
Prepare = Callable[[tf.Tensor, tf.Tensor], Dict[str, tf.Tensor]]


def training_batches(
    record_set: records.RecordSet,
    config: Config,
    seed: int,
    start_step: int = 0,
    split: str = "train",
    prepare: Optional[Prepare] = None,
) -> tf.data.Dataset:
    """Yields training batches without end, from any step on.

    Args:
        record_set: an opened records folder.
        config: the experiment.
        seed: of order and corruption.
        start_step: batches that a resumed run has already seen.
        split: where the examples come from.
        prepare: what becomes of the examples; corrupted for pre-training by default.

    Returns:
        A dataset of what `prepare` returns, see `corruption.corrupt`.
    """
    record_set.require_split(split)
    data = config.data
    per_epoch = record_set.counts[split] // data.batch_size
    if not per_epoch:
        raise ValueError(
            f"{record_set.directory} has {record_set.counts[split]} {split} "
            f"examples, fewer than a batch. Received: batch_size={data.batch_size}"
        )
    _fix_global_seed(seed)
    first_epoch, first_batch = divmod(start_step, per_epoch)
    files = list(record_set.files[split])

    def one_epoch(epoch):
        serialized = _shuffled(files, data, seed, epoch)
        seen = tf.where(epoch == first_epoch, first_batch * data.batch_size, 0)
        serialized = serialized.skip(tf.cast(seen, tf.int64))
        batches = serialized.batch(data.batch_size, drop_remainder=True)
        return batches.map(lambda batch: (batch, epoch))

    epochs = tf.data.Dataset.range(first_epoch, VALIDATION_EPOCH)
    prepare = prepare or corrupted(record_set, config, seed)
    return _prepared(epochs.flat_map(one_epoch), prepare)


def validation_batches(
    record_set: records.RecordSet,
    config: Config,
    seed: int,
    split: str = "validation",
    prepare: Optional[Prepare] = None,
    without: Sequence[str] = (),
) -> tf.data.Dataset:
    """Yields one pass over a split, the same at each call; see `training_batches`.

    Args:
        record_set, config, seed, split, prepare: see there.
        without: ids of pictures that are left out.
    """
    record_set.require_split(split)
    _fix_global_seed(seed)
    serialized = tf.data.TFRecordDataset(list(record_set.files[split]))
    if without:
        left_out = tf.constant(list(without))
        serialized = serialized.filter(
            lambda s: tf.reduce_all(
                records.parse_string(s[None], "image_id") != left_out
            )
        )
    # Shards are sorted as the catalogue is; neighbours would be near copies.
    serialized = serialized.shuffle(
        config.data.shuffle_buffer, seed=seed + 1, reshuffle_each_iteration=False
    )
    batches = serialized.batch(config.data.batch_size)
    batches = batches.map(lambda s: (s, tf.constant(VALIDATION_EPOCH, tf.int64)))
    return _prepared(batches, prepare or corrupted(record_set, config, seed))


def corrupted(
    record_set: records.RecordSet, config: Config, seed: int
) -> Prepare:
    """Returns the preparation for pre-training, see `corruption.corrupt`."""
    spec, vocabulary = record_set.spec, record_set.vocabulary

    def prepare(serialized, epoch):
        batch = records.parse_examples(serialized, spec)
        batch["draws"] = corruption.draw(batch["record_key"], seed, epoch)
        return corruption.corrupt(batch, config, spec, vocabulary)

    return prepare


def cleaned(
    record_set: records.RecordSet, positions: str, with_strings: bool = False
) -> Prepare:
    """Returns the preparation for evaluation and fine-tuning: nothing is hidden.

    Args:
        record_set: an opened records folder.
        positions: see `patches.patch_positions`.
        with_strings: whether the strings of `records.parse_examples` come along.

    Returns:
        A function to dicts of `token_ids` int32 [batch, max_tokens], `patch_features`
        float16 [batch, patches, feature_size], `patch_positions` float32 [batch,
        patches, 5], the keys and the strings.
    """
    spec = record_set.spec
    kept = (
        "token_ids", "patch_positions", "subcategory_key", *records.KEY_FIELDS,
        *(records.STRING_FIELDS if with_strings else ()),
    )

    def prepare(serialized, epoch):
        del epoch
        batch = records.parse_examples(serialized, spec, with_strings)
        batch = corruption.add_positions(batch, positions)
        clean = corruption.clean_patches(batch["features"], spec.patch_layout)
        return {"patch_features": clean, **{name: batch[name] for name in kept}}

    return prepare


def stored_batches(
    record_set: records.RecordSet, split: str, batch_size: int, prepare: Prepare,
    every: int = 1,
) -> tf.data.Dataset:
    """Yields every so manieth example of a split in stored order.

    See `training_batches`.
    """
    record_set.require_split(split)
    dataset = tf.data.TFRecordDataset(list(record_set.files[split])).shard(every, 0)
    batches = dataset.batch(batch_size).map(
        lambda s: (s, tf.constant(VALIDATION_EPOCH, tf.int64))
    )
    return batches.map(prepare, num_parallel_calls=tf.data.AUTOTUNE).prefetch(2)


def clean_batches(
    record_set: records.RecordSet, config: Config, split: str, batch_size: int,
    with_strings: bool = False, every: int = 1,
) -> tf.data.Dataset:
    """Yields `stored_batches`, uncorrupted; see `cleaned`."""
    prepare = cleaned(record_set, config.model.positions, with_strings)
    return stored_batches(record_set, split, batch_size, prepare, every)


def _fix_global_seed(seed: int) -> None:
    # `Dataset.shuffle` mixes TensorFlow's global seed into its own. The order
    # must depend on ours alone, and a resumed run must find it again.
    tf.random.set_seed(seed + 1)


def _shuffled(files: Sequence[str], data: DataConfig, seed, epoch) -> tf.data.Dataset:
    """Serialised examples of one epoch, in an order that seed and epoch fix."""
    order_seed = seed * 1_000_003 + tf.cast(epoch, tf.int64)
    dataset = tf.data.Dataset.from_tensor_slices(files)
    dataset = dataset.shuffle(len(files), seed=order_seed)
    dataset = dataset.interleave(
        tf.data.TFRecordDataset, cycle_length=min(len(files), 8), block_length=8
    )
    if data.group_size == 1:
        return dataset.shuffle(data.shuffle_buffer, seed=order_seed)
    window = max(data.shuffle_buffer // data.batch_size, 1) * data.batch_size

    def group(index, examples):
        handles, keys = examples
        order = _grouped_order(keys, data.group_size, tf.stack([order_seed, index]))
        return tf.gather(handles, order)

    # Reordering strings copies them, records of 200 KB each; so a window holds
    # handles, which are copied by reference.
    dataset = dataset.map(_handle_and_key, num_parallel_calls=tf.data.AUTOTUNE)
    dataset = dataset.shuffle(data.shuffle_buffer, seed=order_seed)
    dataset = dataset.batch(window).enumerate().map(group)
    return dataset.unbatch().map(_serialized_of)


def _handle_and_key(serialized: tf.Tensor):
    """A variant that refers to one serialised example, and its sub-category."""
    handle = tf.raw_ops.OptionalFromValue(components=[serialized])
    return handle, records.parse_subcategory_key(serialized[None])[0]


def _serialized_of(handle: tf.Tensor) -> tf.Tensor:
    return tf.raw_ops.OptionalGetValue(
        optional=handle, output_types=[tf.string], output_shapes=[[]]
    )[0]


def _grouped_order(keys: tf.Tensor, group_size: int, seed: tf.Tensor) -> tf.Tensor:
    """Orders a window so that groups of one sub-category stand together.

    Sorting by (sub-category, chance) and shuffling groups keeps every example,
    whatever the sizes of the sub-categories; a rare one shares its group.

    Args:
        keys: int64 [window] sub-categories.
        group_size: examples a group.
        seed: int64 [2].

    Returns:
        int32 [window] indices.
    """
    count = tf.shape(keys)[0]
    order = tf.argsort(tf.random.stateless_uniform([count], seed))
    order = tf.gather(order, tf.argsort(tf.gather(keys, order), stable=True))
    # A group that is cut off at the end goes last.
    groups = count // group_size
    whole = tf.reshape(order[: groups * group_size], [-1, group_size])
    mixed = tf.random.experimental.stateless_shuffle(whole, seed=seed + 1)
    return tf.concat([tf.reshape(mixed, [-1]), order[groups * group_size :]], 0)


def _prepared(batches: tf.data.Dataset, prepare: Prepare) -> tf.data.Dataset:
    options = tf.data.Options()
    # Every worker reads all records and takes its share of each batch: the
    # batches do not depend on the number of workers.
    options.experimental_distribute.auto_shard_policy = (
        tf.data.experimental.AutoShardPolicy.DATA
    )
    dataset = batches.map(prepare, num_parallel_calls=tf.data.AUTOTUNE)
    return dataset.prefetch(tf.data.AUTOTUNE).with_options(options)
