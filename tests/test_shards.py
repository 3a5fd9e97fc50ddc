"""Every row exactly once, whole shards or none, and the same bytes after a kill."""

import dataclasses
import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from kaleido import foreground, patches, records
from kaleido import shards as sharding
from kaleido.catalogs.product import Rejection, Scan
from kaleido.preprocessing import Example, Preprocessor
from kaleido.text import text_key
from tests import fake_catalog
from tests.fake_catalog import REJECTED, ROWS, UNDECODABLE, FakeCatalog

_ROOT = pathlib.Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def preprocessor():
    return fake_catalog.make_preprocessor()


@pytest.fixture(scope="module")
def built(preprocessor, tmp_path_factory):
    directory = tmp_path_factory.mktemp("built")
    made, dataset = fake_catalog.build(str(directory), preprocessor)
    return directory, made, dataset


# Plans


@given(
    counts=st.lists(st.integers(0, 40), min_size=3, max_size=3),
    shard_size=st.integers(1, 12),
)
def test_shards_cover_every_row_once(counts, shard_size):
    bounds = np.cumsum([0, *counts])
    rows = {
        split: np.arange(low, high)
        for split, low, high in zip(("train", "validation", "test"), bounds, bounds[1:])
    }
    shards = sharding.plan_shards(Scan(rows, (), bounds[-1]), shard_size)
    for split, expected in rows.items():
        mine = [s for s in shards if s.split == split]
        covered = np.concatenate([s.rows for s in mine]) if mine else []
        assert list(covered) == expected.tolist()
        sizes = [len(s.rows) for s in mine]
        assert all(0 < size <= shard_size for size in sizes)
        assert not sizes or max(sizes) - min(sizes) <= 1
        assert [s.file for s in mine] == [
            f"{split}-{i:05d}-of-{len(mine):05d}.tfrecord" for i in range(len(mine))
        ]


def test_a_shard_without_rows_is_refused():
    with pytest.raises(ValueError, match="shard_size.*0"):
        sharding.plan_shards(Scan({}, (), 0), 0)


# A build


def test_counts_are_exact(built):
    directory, made, dataset = built
    assert dataset["counts"] == {"train": 8, "validation": 3, "test": 5}
    assert dataset["classes"] == {"category": ["TOPS"], "subcategory": ["SUB0", "SUB1"]}
    rejected = {}
    for shard in made:
        sidecar = sharding.read_json(
            str(directory / shard.replace(".tfrecord", ".json"))
        )
        assert sidecar["examples"] + len(sidecar["rejected"]) == sidecar["rows"]
        rejected.update({r["row"]: r["reason"] for r in sidecar["rejected"]})
    assert rejected == {
        UNDECODABLE: "undecodable_picture", REJECTED: "missing_picture",
    }


def test_every_product_is_stored_with_its_own_fields(built, preprocessor):
    """Labels, text, boxes and key of one picture stay together through batching."""
    directory, _, dataset = built
    files = [str(directory / s["file"]) for s in dataset["shards"]]
    serialized = list(tf.data.TFRecordDataset(files).as_numpy_iterator())
    parsed = records.parse_examples(tf.constant(serialized), preprocessor.spec, True)
    parsed = {name: value.numpy() for name, value in parsed.items()}
    rows = [r for r in range(ROWS) if r not in (UNDECODABLE, REJECTED)]
    assert [int(i[1:]) for i in parsed["image_id"]] == rows
    for index, row in enumerate(rows):
        text = f"Knitted dress number {row} in navy"
        assert parsed["text"][index].decode() == text
        assert parsed["text_key"][index] == text_key(text)
        assert parsed["product_id"][index] == f"p{row}".encode()
        assert parsed["subcategory"][index] == f"SUB{row % 2}".encode()
        assert parsed["picture_size"][index].tolist() == [40 + row, 36]
        image = patches.decode_picture(tf.constant(fake_catalog.picture(row)))
        box = foreground.lock_object(image, "border").box
        boxes = patches.patch_boxes(box, preprocessor.spec.patch_layout)
        np.testing.assert_array_equal(parsed["patch_boxes"][index], boxes)
    assert len(set(parsed["picture_key"].tolist())) == len(rows)


def test_features_are_those_of_each_crop_alone(built, preprocessor):
    """Of one picture in the middle of a batch, in the layout's order."""
    directory, _, dataset = built
    row, extractor = 7, fake_catalog.light_extractor()
    image = patches.decode_picture(tf.constant(fake_catalog.picture(row)))
    box = foreground.lock_object(image, "border").box
    layout = preprocessor.spec.patch_layout
    crops = patches.extract_crops(image, box, layout, 32, 32)
    expected = np.concatenate(
        [extractor(tf.cast(crops[k], tf.float32)) for k in ("whole", "parts")]
    )
    files = [str(directory / s["file"]) for s in dataset["shards"]]
    serialized = list(tf.data.TFRecordDataset(files).as_numpy_iterator())
    parsed = records.parse_examples(tf.constant(serialized), preprocessor.spec, True)
    index = parsed["image_id"].numpy().tolist().index(f"i{row}".encode())
    # Stored in half precision.
    np.testing.assert_allclose(parsed["features"][index], expected, atol=1e-3)


def test_only_missing_shards_are_made_and_come_out_the_same(
    built, preprocessor, tmp_path
):
    directory, made, _ = built
    expected = fake_catalog.checksums(directory)
    for path in directory.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    lost, cut, orphan = made[0], made[2], made[4]
    (tmp_path / lost).unlink()
    (tmp_path / cut).write_bytes((tmp_path / cut).read_bytes()[:-1])
    (tmp_path / orphan.replace(".tfrecord", ".json")).unlink()
    catalog = FakeCatalog()
    again, _ = fake_catalog.build(str(tmp_path), preprocessor, catalog)
    assert again == [lost, cut, orphan]
    shards = {s.file: s for s in sharding.plan_shards(catalog.scan(), 3)}
    wanted = np.concatenate([shards[name].rows for name in again])
    assert sorted(catalog.rows_read) == sorted(wanted.tolist())
    assert fake_catalog.checksums(tmp_path) == expected


# 20 s: a second process imports TensorFlow, and both build the real extractor,
# whose convolutions must give the same bits in either.
@pytest.mark.slow
def test_a_killed_build_goes_on_to_the_same_bytes(
    efficientnet_file, english, tmp_path_factory
):
    preprocessor = fake_catalog.make_preprocessor(light=False)
    directory = tmp_path_factory.mktemp("uninterrupted")
    made, _ = fake_catalog.build(str(directory), preprocessor)
    tmp_path = tmp_path_factory.mktemp("killed")
    code = (
        "from tests.fake_catalog import *\n"
        f"build({str(tmp_path)!r}, make_preprocessor(light=False),"
        " FakeCatalog(seconds=0.4))"
    )
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=_ROOT, env=environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.time() + 120
        # In the middle of the second shard.
        while not list(tmp_path.glob(f"{made[1]}.tmp-*")):
            assert process.poll() is None and time.time() < deadline
            time.sleep(0.02)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not (tmp_path / "dataset.json").exists()
    with pytest.raises(ValueError, match="no finished records"):
        records.open_records(str(tmp_path))
    again, _ = fake_catalog.build(str(tmp_path), preprocessor)
    assert made[0] not in again and made[1] in again
    assert fake_catalog.checksums(tmp_path) == fake_catalog.checksums(directory)


def test_a_folder_belongs_to_one_job(preprocessor, tmp_path):
    directory, catalog, spec = str(tmp_path), FakeCatalog(), preprocessor.spec
    sharding.claim_directory(directory, spec, catalog, 3, 16)
    (tmp_path / "train-00000-of-00001.tfrecord").write_bytes(b"")
    sharding.claim_directory(directory, spec, catalog, 3, 16)
    with pytest.raises(ValueError, match="shard_size: 3 there, 4 asked for"):
        sharding.claim_directory(directory, spec, catalog, 4, 16)
    with pytest.raises(ValueError, match="learnt_pieces: None there, 500 asked for"):
        sharding.claim_directory(directory, spec, catalog, 3, 16, learnt_pieces=500)
    catalog.fingerprint = "another"
    with pytest.raises(ValueError, match="catalog: 'fake' there"):
        sharding.claim_directory(directory, spec, catalog, 3, 16)


# Examples


def collect(preprocessor, units, catalog=None):
    catalog = catalog or FakeCatalog()
    pairs = list(preprocessor.examples(catalog.read, [np.array(u, int) for u in units]))
    assert [u for u, _ in pairs] == sorted(u for u, _ in pairs)
    return [
        [item.row for u, items in pairs if u == unit for item in items]
        for unit in range(len(units))
    ]


@pytest.mark.parametrize(
    "units",
    [
        [[0, 1, 2, 3, 4], [5, 6], [7]],
        [[UNDECODABLE], [REJECTED], [8, 9]],
        [[], [0, REJECTED, UNDECODABLE], []],
        [[REJECTED, UNDECODABLE]],
        [[9, 4, 7]],
    ],
    ids=["plain", "units of nothing usable", "empty units", "nothing", "unsorted"],
)
def test_each_row_comes_once_in_its_unit(preprocessor, units):
    for rows, found in zip(units, collect(preprocessor, units)):
        assert sorted(found) == sorted(rows)


def test_what_cannot_be_used_comes_as_a_rejection(preprocessor):
    items = [
        item
        for _, batch in preprocessor.examples(
            FakeCatalog().read, [np.array([UNDECODABLE, REJECTED, 8])]
        )
        for item in batch
    ]
    kinds = {i.row: i for i in items}
    assert isinstance(kinds[8], Example)
    assert isinstance(kinds[REJECTED], Rejection)
    broken = kinds[UNDECODABLE]
    assert broken.reason == "undecodable_picture" and broken.item == f"i{UNDECODABLE}"
    assert broken.detail


def test_a_failing_catalogue_is_not_swallowed(preprocessor, tmp_path):
    with pytest.raises(OSError, match="the disk is gone"):
        collect(preprocessor, [[0, 1], [6, 7]], FakeCatalog(raises_at=7))
    with pytest.raises(OSError, match="the disk is gone"):
        fake_catalog.build(
            str(tmp_path), preprocessor, FakeCatalog(raises_at=7)
        )
    # The shard in which it happened is not there.
    shards = sharding.plan_shards(FakeCatalog().scan(), 3)
    unfinished = next(s for s in shards if 7 in s.rows)
    assert sharding.finished_sidecar(str(tmp_path), unfinished) is None


def test_a_catalogue_that_yields_too_little_is_found_out(preprocessor):
    with pytest.raises(RuntimeError, match=r"nothing for rows \[8, 9\]"):
        collect(preprocessor, [[6, 7, 8, 9]], FakeCatalog(loses_from=8))


def test_an_unknown_foreground_method_is_refused_at_once(preprocessor):
    with pytest.raises(ValueError, match="'magic'"):
        Preprocessor(preprocessor.vocabulary, saliency_method="magic")


def test_a_shard_of_other_rows_is_made_again(built):
    directory, _, _ = built
    shards = sharding.plan_shards(fake_catalog.FakeCatalog().scan(), 3)
    assert sharding.finished_sidecar(str(directory), shards[0]) is not None
    moved = dataclasses.replace(shards[0], rows=shards[0].rows + 1)
    assert sharding.finished_sidecar(str(directory), moved) is None
