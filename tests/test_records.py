"""What is stored is what is read, and a broken folder says what is broken."""

import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf

from kaleido import records
from tests import fake_records
from tests.fake_records import SPEC
from tests.stored_alignments import parse_alignments


@pytest.fixture
def folder(tmp_path):
    items = fake_records.items_of(20)
    fake_records.write_records(
        str(tmp_path), {"train": items[:17], "test": items[17:]}, shard_size=10
    )
    return tmp_path


def test_an_example_comes_back_as_it_was(tmp_path):
    items = fake_records.items_of(3)
    rng = np.random.default_rng(0)
    plans = {
        "token_plans": rng.integers(-1, 20, (SPEC.num_plans, 10)),
        "patch_plans": rng.integers(0, 9, (SPEC.num_plans, 6)),
    }
    serialized = tf.constant([fake_records.serialize(i, plans=plans) for i in items])
    parsed = records.parse_examples(serialized, SPEC, with_strings=True)
    for index, item in enumerate(items):
        row = {name: value[index].numpy() for name, value in parsed.items()}
        np.testing.assert_array_equal(row["features"], fake_records.features_of(item))
        np.testing.assert_array_equal(row["patch_boxes"], fake_records.boxes_of(item))
        np.testing.assert_array_equal(row["token_ids"], item.token_ids)
        np.testing.assert_array_equal(row["token_plans"], plans["token_plans"])
        np.testing.assert_array_equal(row["patch_plans"], plans["patch_plans"])
        assert row["picture_size"].tolist() == [400, 500]
        assert row["text"] == f"text {index}".encode()
        assert row["generated_caption"] == f"caption {index}".encode()
        assert row["product_id"] == f"p{index}".encode() and row["thumbnail"] == b"jpeg"
        assert (row["record_key"], row["product_key"]) == (1000 + index, index)
    assert parsed["features"].dtype == tf.float16


def test_alignments_come_back_as_they_were():
    items = fake_records.items_of(3)
    serialized = tf.constant([fake_records.serialize(item) for item in items])
    parsed = parse_alignments(serialized, SPEC)
    for item, found, scores in zip(
        items, parsed["alignments"].numpy(), parsed["alignment_scores"].numpy()
    ):
        expected = fake_records.alignments_of(item)
        assert expected.min() == -1 and expected.max() > 0
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_array_equal(scores, (expected / 25).astype(np.float16))


def test_strings_stay_packed_unless_asked_for():
    serialized = tf.constant([fake_records.serialize(fake_records.items_of(1)[0])])
    parsed = records.parse_examples(serialized, SPEC)
    assert not set(parsed) & set(records.STRING_FIELDS)


def test_equal_subcategories_have_equal_keys_wherever_they_are_read():
    items = fake_records.items_of(6)
    serialized = tf.constant([fake_records.serialize(i) for i in items])
    keys = records.parse_examples(serialized, SPEC)["subcategory_key"].numpy()
    assert keys[0] == keys[3] and len(set(keys.tolist())) == 3
    np.testing.assert_array_equal(records.parse_subcategory_key(serialized), keys)


def test_equal_examples_are_equal_bytes():
    item = fake_records.items_of(1)[0]
    serialized = fake_records.serialize(item)
    assert serialized == fake_records.serialize(item)
    # A map field has no order of its own, and a hash's may change from process
    # to process: the bytes must not depend on it.
    features = tf.train.Example.FromString(serialized).features.feature
    backwards = tf.train.Features(feature=dict(reversed(list(features.items()))))
    again = tf.train.Example(features=backwards)
    assert again.SerializeToString(deterministic=True) == serialized


def test_an_opened_folder_knows_its_splits_and_classes(folder):
    record_set = records.open_records(str(folder))
    assert record_set.counts == {"train": 17, "test": 3} and record_set.spec == SPEC
    assert [len(record_set.files[s]) for s in ("train", "test")] == [2, 1]
    assert record_set.vocabulary == fake_records.VOCABULARY
    record_set.require_split("train")
    with pytest.raises(ValueError, match="no validation examples"):
        record_set.require_split("validation")


def test_classes_that_training_never_saw_come_last(tmp_path):
    items = fake_records.items_of(6)
    train = [dataclasses.replace(i, subcategory="zebra") for i in items[:2]]
    train.append(dataclasses.replace(items[2], subcategory="boots"))
    test = [dataclasses.replace(i, subcategory=s)
            for i, s in zip(items[3:], ("ankle", "boots", ""))]
    record_set = fake_records.write_records(
        str(tmp_path), {"test": test, "train": train}
    )
    assert record_set.classes["subcategory"] == ("boots", "zebra", "ankle")
    assert record_set.num_train_classes["subcategory"] == 2


def test_an_unfinished_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no finished records.*tfrecords.build"):
        records.open_records(str(tmp_path))


def test_another_schema_version_is_refused(folder):
    path = folder / "dataset.json"
    content = json.loads(path.read_text())
    # An old version may have other fields, too.
    content["spec"] = {"schema_version": 0, "color": "blue"}
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match="version 0, this code reads 3"):
        records.open_records(str(folder))


def test_a_missing_and_a_truncated_shard_are_named(folder):
    shard = folder / "train-00010.tfrecord"
    whole = shard.read_bytes()
    shard.write_bytes(whole[:-7])
    with pytest.raises(ValueError, match=f"train-00010.*{len(whole)} bytes"):
        records.open_records(str(folder))
    shard.unlink()
    with pytest.raises(ValueError, match="train-00010.tfrecord is missing"):
        records.open_records(str(folder))


def test_every_field_of_a_spec_counts():
    for field in dataclasses.fields(SPEC):
        value = getattr(SPEC, field.name)
        changed = value + 1 if isinstance(value, int) else value + "x"
        other = dataclasses.replace(SPEC, **{field.name: changed})
        assert other.fingerprint != SPEC.fingerprint
        with pytest.raises(ValueError, match=f"The checkpoint.*{field.name}: expected"):
            SPEC.check_equals(other, "The checkpoint")
    SPEC.check_equals(dataclasses.replace(SPEC), "The same")


def test_records_of_one_table_share_all_but_what_it_compares():
    def record_set(catalog="shop", **changes):
        spec = dataclasses.replace(SPEC, **changes)
        return records.RecordSet("there", spec, {}, {}, {}, {}, "content", catalog)

    first = record_set()
    first.check_comparable(
        record_set(layout="grid8", saliency="border", masking="random", alignment="x")
    )
    for name in ("crop_size", "max_tokens", "whole_crop_size"):
        with pytest.raises(ValueError, match=f"there was made .* {name}: expected"):
            first.check_comparable(record_set(**{name: getattr(SPEC, name) + 1}))
    for name in ("backbone_fingerprint", "vocabulary_fingerprint"):
        with pytest.raises(ValueError, match=f"{name}: expected"):
            first.check_comparable(record_set(**{name: "another"}))
    with pytest.raises(ValueError, match="two catalogues.*Received: 'x' and 'shop'"):
        first.check_comparable(record_set("x"))
    with pytest.raises(ValueError, match="Received: 'unknown' and 'shop'"):
        first.check_comparable(record_set(""))


def test_a_folder_says_of_which_catalogue_it_is(folder):
    assert records.open_records(str(folder)).catalog == ""
    (folder / "job.json").write_text(json.dumps({"catalog": "of a shop"}))
    assert records.open_records(str(folder)).catalog == "of a shop"


def test_examples_that_were_rounded_otherwise_have_the_same_origin(folder):
    opened = records.open_records(folder)
    known = dataclasses.replace(opened, catalog="a")
    assert known.origin == dataclasses.replace(known, content="b").origin
    larger = dataclasses.replace(known.spec, crop_size=known.spec.crop_size + 1)
    others = (
        dataclasses.replace(known, catalog="b"),
        dataclasses.replace(known, spec=larger),
    )
    assert all(known.origin != other.origin for other in others)
    # Of an unknown catalogue the examples themselves tell.
    unknown = dataclasses.replace(opened, catalog="")
    assert unknown.origin != dataclasses.replace(unknown, content="b").origin


def test_keys_of_strings_never_change():
    # They are stored. SHA-256 of "shirt" begins with these 16 digits.
    assert records.stable_key("shirt") == 0xa52514252adf8606 >> 1
    assert records.stable_key("größe") >= 0
