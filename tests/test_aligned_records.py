"""Alignments reach the records: methods, stop words, plans, counts, bad pictures."""

import dataclasses
import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kaleido import records, shards
from kaleido.alignment_generator import CAPTIONER_FILE, GROUNDER_FILE
from kaleido.captioner import Captioner, CaptionerSpec
from kaleido.catalogs.product import Product
from kaleido.catalogs.rendered import RenderedCatalog
from kaleido.grid_features import GRID, GridExtractor
from kaleido.grounding import Grounder, GrounderSpec
from kaleido.preprocessing import Preprocessor
from kaleido.text import load_vocabulary
from kaleido.weights_file import file_fingerprint, save_weights

pytestmark = pytest.mark.slow  # 90 s of processor time


@pytest.fixture(scope="module")
def vocabulary():
    return load_vocabulary()


@pytest.fixture(scope="module")
def aligner(tmp_path_factory, vocabulary):
    """A captioner and a grounder that have learnt nothing."""
    folder = tmp_path_factory.mktemp("aligner")
    grid = GridExtractor()
    tf.keras.utils.set_random_seed(0)
    reserved = [vocabulary.ids[p] for p in ("[PAD]", "[UNK]", "[CLS]", "[SEP]")]
    words = [vocabulary.ids[w] for w in ("in", "the", "black", "blue", "heel")]
    shared = {
        "pieces": tuple(sorted([*reserved, *words])), "channels": grid.channels,
        "vocabulary_fingerprint": vocabulary.fingerprint,
        "backbone_fingerprint": grid.fingerprint,
    }
    networks = {
        CAPTIONER_FILE: Captioner(CaptionerSpec(**shared), vocabulary),
        GROUNDER_FILE: Grounder(GrounderSpec(**shared), vocabulary),
    }
    for file, network in networks.items():
        network(
            {
                "grid": tf.zeros([1, GRID, GRID, grid.channels]),
                "token_ids": tf.zeros([1, 2], tf.int32),
            }
        )
        card = {"network": network.name, "spec": dataclasses.asdict(network.spec)}
        save_weights(network, str(folder / file), card)
    return str(folder)


class Listed:
    """A catalogue of given products."""

    fingerprint = "listed"

    def __init__(self, products):
        self.products = products

    def read(self, rows):
        return (self.products[int(row)] for row in rows)


def picture(width, height, colour=(200, 30, 60)):
    stream = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture(scope="module")
def catalog():
    rendered = list(RenderedCatalog(4, seed=2, views=1).read(range(4)))
    one_colour = Product("flat", "flat", picture(90, 120), text="Black heel.")
    long = Product("long", "long", picture(5000, 30), text="The blue heel.")
    silent = Product("silent", "silent", rendered[0].image, text="")
    return Listed([*rendered, one_colour, long, silent])


def build(tmp_path, catalog, vocabulary, **options):
    preprocessor = Preprocessor(
        vocabulary, crop_size=32, whole_crop_size=32, max_tokens=48, num_plans=3,
        batch_size=4, **options,
    )
    rows = np.arange(len(catalog.products))
    (sidecar,) = shards.write_shards(
        str(tmp_path), [shards.Shard("train-0.tfrecord", "train", rows)], catalog,
        preprocessor,
    )
    batch = list(tf.data.TFRecordDataset(str(tmp_path / "train-0.tfrecord")))
    found = {
        **records.parse_examples(tf.stack(batch), preprocessor.spec),
        **records.parse_alignments(tf.stack(batch), preprocessor.spec),
    }
    found = {name: value.numpy() for name, value in found.items()}
    return found, sidecar, preprocessor.spec


@pytest.mark.parametrize("method", ["generated", "teacher_forced", "grounded"])
def test_alignments_come_back_from_the_records(
    tmp_path, catalog, vocabulary, aligner, method
):
    found, sidecar, spec = build(
        tmp_path, catalog, vocabulary, alignment=method, aligner=aligner
    )
    count = len(catalog.products)
    assert len(found["alignments"]) == sidecar["examples"] == count
    file = GROUNDER_FILE if method == "grounded" else CAPTIONER_FILE
    assert spec.aligner_fingerprint == file_fingerprint(f"{aligner}/{file}")
    assert spec.masking == "agm" and spec.alignment == method
    special = np.flatnonzero(vocabulary.is_special)
    unseen = [*special, *(vocabulary.ids[w] for w in ("in", "the", "."))]
    ids, pairs, scores = (
        found[name] for name in ("token_ids", "alignments", "alignment_scores")
    )
    assert (pairs < [9, 16, 25]).all() and (pairs >= -1).all()
    assert (pairs[np.isin(ids, unseen)] == -1).all()
    assert ((scores > 0) == (pairs >= 0)).all() and (scores <= 1.001).all()
    aligned = (pairs >= 0).any(axis=(1, 2)).sum()
    # What the captioner does not say stays unaligned; a text without words, too.
    if method == "teacher_forced":
        assert aligned == count - 1
    assert sidecar["unaligned"] == count - aligned


def test_plans_follow_alignments_unless_random_masking_is_asked_for(
    tmp_path, catalog, vocabulary, aligner
):
    def plans(name, **options):
        (tmp_path / name).mkdir()
        found, _, spec = build(tmp_path / name, catalog, vocabulary, **options)
        return found["token_plans"], spec.masking

    aligned = {"alignment": "teacher_forced", "aligner": aligner}
    guided, kind = plans("guided", **aligned)
    at_random, other = plans("random", **aligned, guided=False)
    unaligned, _ = plans("none")
    assert (kind, other) == ("agm", "random")
    np.testing.assert_array_equal(at_random, unaligned)
    assert (guided[:-1] != at_random[:-1]).any(axis=(1, 2)).all()
    # A text without words has nothing to hide.
    assert (guided[-1] == -1).all()


def test_empty_captions_and_unfound_objects_are_counted(
    tmp_path, catalog, vocabulary, aligner, monkeypatch
):
    def ends_at_once(network, grid, max_tokens, beams=1):
        ids = vocabulary.ids
        row = [ids["[CLS]"], ids["[SEP]"], *[0] * (max_tokens - 2)]
        batch = tf.shape(grid)[0]
        maps = tf.ones([batch, max_tokens, GRID, GRID])
        return tf.tile(tf.constant([row], tf.int32), [batch, 1]), maps

    monkeypatch.setattr(Captioner, "generate", ends_at_once)
    found, sidecar, _ = build(
        tmp_path, catalog, vocabulary, alignment="generated", aligner=aligner
    )
    count = len(catalog.products)
    assert sidecar["empty_captions"] == sidecar["unaligned"] == count
    assert (found["alignments"] == -1).all()
    # The flat picture and the long one.
    assert sidecar["whole_pictures"] == 2
