"""The pool of a test: what training knows leaves it, and another one is refused."""

import dataclasses

import pytest

from kaleido import inference, pools
from kaleido.manifest import draw_manifest
from tests import fake_records, tiny_records

ROWS = 40


@pytest.fixture(scope="module")
def record_set(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("records"))
    return tiny_records.write_tiny_records(folder, 8, validation=40, test=ROWS)


@pytest.fixture(scope="module")
def manifest(record_set):
    pairs = inference.load_ids_and_keys(record_set, "test")
    # The pool is sorted: test_10 stands before test_2, unlike in the records.
    return draw_manifest(**pairs, draws=2, candidates=21)


@pytest.fixture(scope="module")
def split(record_set):
    return inference.load_split(record_set, tiny_records.tiny_config(), "test")


def test_a_small_test_has_shorter_lists_and_says_so(record_set, caplog):
    manifest = pools.draw_test(record_set, "test", seed=0)
    length = manifest.candidates.shape[2]
    # Every fifth product has two pictures, and some texts are alike.
    assert 30 < length < ROWS
    assert f"{ROWS} pairs of the test split are too few for lists of 101" in caplog.text
    assert f"lists have {length}" in caplog.text


def test_a_test_without_sub_categories_is_a_warning(record_set, monkeypatch, caplog):
    pools.draw_test(record_set, "test", seed=0)
    assert "sub-category" not in caplog.text
    pairs = inference.load_ids_and_keys(record_set, "test")
    none = {**pairs, "subcategories": [""] * len(pairs["subcategories"])}
    monkeypatch.setattr(pools.inference, "load_ids_and_keys", lambda *_: none)
    pools.draw_test(record_set, "train", seed=0)
    assert "No pair of the train split has a sub-category" in caplog.text


def test_a_test_without_wrong_candidates_is_one_clear_error(tmp_path):
    alone = tiny_records.write_tiny_records(str(tmp_path), 8, validation=8, test=1)
    with pytest.raises(ValueError, match="test split.*no wrong candidate.*1 pairs"):
        pools.draw_test(alone, "test", seed=0)


def test_a_split_is_put_in_the_manifests_order(split, manifest):
    aligned = pools.align(split, manifest, "here")
    assert tuple(aligned.strings["image_id"]) == manifest.image_ids
    assert tuple(split.strings["image_id"]) != manifest.image_ids
    place = {name: i for i, name in enumerate(split.strings["image_id"])}
    for row, name in enumerate(manifest.image_ids):
        for key in ("token_ids", "patch_features", "text_key"):
            one, other = aligned.arrays[key][row], split.arrays[key][place[name]]
            assert (one == other).all()


def test_another_catalogues_manifest_is_an_error(split, manifest):
    renamed = dataclasses.replace(
        manifest, image_ids=("shoe_7", *manifest.image_ids[1:])
    )
    with pytest.raises(ValueError, match="catalogue, or split, than here.*shoe_7"):
        pools.align(split, renamed, "here")
    fewer = dataclasses.replace(manifest, image_ids=manifest.image_ids[1:])
    with pytest.raises(ValueError, match="39 pairs and leaves out 0, .* have 40"):
        pools.align(split, fewer, "here")
    # Another catalogue that numbers its pictures alike.
    others = {**split.arrays, "text_key": split.arrays["text_key"] + 1}
    others = inference.Split(others, split.strings)
    with pytest.raises(ValueError, match="another catalogue than here.*alike"):
        pools.align(others, manifest, "here")


def test_a_pool_is_checked_without_reading_features(record_set, manifest):
    pools.require_pool(record_set, manifest, "test")
    with pytest.raises(ValueError, match="or split, than the validation split"):
        pools.require_pool(record_set, manifest, "validation")
    with pytest.raises(ValueError, match="alike, but products, texts or pictures"):
        other = dataclasses.replace(manifest, keys="others")
        pools.require_pool(record_set, other, "test")


def test_a_manifest_of_before_training_knew_more_is_refused(tmp_path):
    test = fake_records.items_of(9, first=10)
    before, after = (
        fake_records.write_records(
            str(tmp_path / name), {"train": train, "test": test}
        )
        for name, train in (
            ("before", fake_records.items_of(6)),
            ("after", [
                *fake_records.items_of(6),
                dataclasses.replace(test[2], product=77, text_key=77),
            ]),
        )
    )
    manifest = pools.draw_test(before, "test", seed=0)
    pools.require_pool(before, manifest, "test")
    with pytest.raises(ValueError, match="asks for 1 pairs .* Received: e.g.") as error:
        pools.require_pool(after, manifest, "test")
    assert str(error.value).endswith("['i12']")


@pytest.fixture(scope="module")
def leaky(tmp_path_factory):
    """Training has items 0 to 5; of the test 3 by its product, and 5 once more."""
    train, test = fake_records.items_of(6), list(fake_records.items_of(9, first=10))
    # Another view of a product of training; a product with the text of one.
    test[3] = dataclasses.replace(test[3], product=2)
    test[4] = dataclasses.replace(test[4], text_key=2)
    # A byte-identical picture under another product and text.
    test.append(dataclasses.replace(train[5], product=90, text_key=90))
    folder = str(tmp_path_factory.mktemp("leaky"))
    return fake_records.write_records(folder, {"train": train, "test": test})


def test_the_audit_takes_exactly_what_training_knows_out_of_pool_and_queries(leaky):
    manifest = pools.draw_test(leaky, "test", seed=0, draws=2)
    kept = sorted(f"i{i}" for i in (10, 11, 12, 14, 15, 16, 17, 18))
    assert list(manifest.image_ids) == kept
    assert manifest.candidates.shape == (2, 8, 8)
    summary = manifest.summary()
    assert summary["audit"] == {
        "product": 1, "picture": 1, "picture_and_text": 0, "removed": 2,
    }
    assert summary["split"] == "test" and summary["records"] == leaky.content
    copy = type(manifest).from_json(manifest.to_json())
    assert copy.settings == manifest.settings


def test_a_pool_without_its_leaks_is_still_that_of_the_split(leaky):
    manifest = pools.draw_test(leaky, "test", seed=0)
    split = inference.load_split(leaky, tiny_records.tiny_config(), "test")
    assert len(split) == 10
    aligned = pools.align(split, manifest, "here")
    assert len(aligned) == 8
    assert tuple(aligned.strings["image_id"]) == manifest.image_ids
    settings = {**manifest.settings, "audit": {}}
    unaudited = dataclasses.replace(manifest, settings=settings)
    with pytest.raises(ValueError, match="8 pairs and leaves out 0, .* have 10"):
        pools.align(split, unaudited, "here")


def test_without_a_training_split_nothing_leaks_and_training_does_not_leak_itself(
    leaky, tmp_path
):
    alone = fake_records.write_records(
        str(tmp_path), {"test": fake_records.items_of(8)}
    )
    for records, split in ((alone, "test"), (leaky, "train")):
        pairs, counts = pools.audited_pairs(records, split)
        assert counts["removed"] == 0
        assert len(pairs["image_ids"]) == records.counts[split]


def test_a_test_of_nothing_but_leaks_and_an_empty_one_are_one_clear_error(tmp_path):
    items = fake_records.items_of(6)
    records = fake_records.write_records(
        str(tmp_path), {"train": items, "test": items[:4]}
    )
    with pytest.raises(ValueError, match="Received: 0 pairs, 4 more that training"):
        pools.draw_test(records, "test", seed=0)
    with pytest.raises(ValueError, match="has no validation examples"):
        pools.draw_test(records, "validation", seed=0)
