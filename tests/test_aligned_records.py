"""Alignments reach the records: methods, stop words, plans, counts, bad pictures."""

import dataclasses
import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kaleido import alignment, records, shards
from kaleido.alignment_generator import CAPTIONER_FILE, GROUNDER_FILE, load_network
from kaleido.captioner import Captioner, CaptionerSpec
from kaleido.catalogs.product import Product
from kaleido.catalogs.rendered import RenderedCatalog
from kaleido.grid_features import GRID, GridExtractor
from kaleido.grounding import Grounder, GrounderSpec
from kaleido.preprocessing import Preprocessor
from kaleido.text import load_vocabulary
from kaleido.weights_file import file_fingerprint, read_card, save_weights
from tests.stored_alignments import parse_alignments

pytestmark = pytest.mark.slow  # 90 s of processor time


@pytest.fixture(scope="module")
def vocabulary():
    return load_vocabulary()


CAPTION = ("black", "heel", "in")


def let_write(captioner, vocabulary, words):
    """Sets weights so that every caption is the given words; maps stay arbitrary."""
    for layer in (captioner.from_hidden, captioner.from_context):
        layer.set_weights([np.zeros_like(w) for w in layer.get_weights()])
    chain = [vocabulary.ids[w] for w in ("[CLS]", *words, "[SEP]")]
    indices = captioner.piece_indices(tf.constant(chain)).numpy()
    embedded = np.zeros(captioner.embed.embeddings.shape, np.float32)
    kernel = np.zeros(captioner.to_pieces.kernel.shape, np.float32)
    for place, (piece, following) in enumerate(zip(indices, indices[1:])):
        embedded[piece, place], kernel[place, following] = 3.0, 9.0
    captioner.embed.set_weights([embedded])
    captioner.to_pieces.set_weights([kernel, np.zeros(kernel.shape[1], np.float32)])


def let_point(grounder, vocabulary, corner, nowhere):
    """Sets weights so that words point to the top left cell, or to all alike."""
    grounder.set_weights([np.zeros_like(w) for w in grounder.get_weights()])
    grounder.normalize.beta.assign(tf.ones_like(grounder.normalize.beta))
    spread, mix, cells = (
        np.zeros(layer.kernel.shape, np.float32)
        for layer in (grounder.spread, grounder.mix, grounder.cells)
    )
    # What lies beyond the border is zero: channel 0 is 1 in the first row, channel 1
    # in the first column, and channel 2 where both are.
    spread[0, 1, :, 0] = spread[1, 0, :, 1] = -1 / spread.shape[2]
    mix[1, 1, :2, 2] = 1.0
    cells[2, 0], cells[2, 1] = 1.0, -1.0
    ones = np.eye(256, dtype=np.float32)
    grounder.spread.set_weights([spread, ones[0] + ones[1]])
    grounder.mix.set_weights([mix, -ones[2]])
    grounder.cells.set_weights([cells, np.eye(cells.shape[1], dtype=np.float32)[1]])
    embedded = np.zeros(grounder.embed.embeddings.shape, np.float32)
    for direction, words in ((0, corner), (2, nowhere)):
        for word in words:
            index = grounder.spec.pieces.index(vocabulary.ids[word])
            embedded[index, direction] = 1.0
    grounder.embed.set_weights([embedded])


@pytest.fixture(scope="module")
def aligner(tmp_path_factory, vocabulary):
    """A captioner that writes `CAPTION`, and a grounder that finds heels top left.

    The grounder finds what it does not know there, too.
    """
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
    captioner = Captioner(CaptionerSpec(**shared), vocabulary)
    grounder = Grounder(GrounderSpec(**shared), vocabulary)
    for file, network in ((CAPTIONER_FILE, captioner), (GROUNDER_FILE, grounder)):
        network(
            {
                "grid": tf.zeros([1, GRID, GRID, grid.channels]),
                "token_ids": tf.zeros([1, 2], tf.int32),
            }
        )
        if network is captioner:
            let_write(captioner, vocabulary, CAPTION)
        else:
            let_point(grounder, vocabulary, ("in", "heel", "[UNK]"), ("black", "blue"))
        card = {
            "network": network.name, "spec": dataclasses.asdict(network.spec),
            "made_of": {"saliency": "unet"},
        }
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
    rows, examples = np.arange(len(catalog.products)), []
    (sidecar,) = shards.write_shards(
        str(tmp_path), [shards.Shard("train-0.tfrecord", "train", rows)], catalog,
        preprocessor, on_items=examples.extend,
    )
    batch = list(tf.data.TFRecordDataset(str(tmp_path / "train-0.tfrecord")))
    found = {
        **records.parse_examples(tf.stack(batch), preprocessor.spec, with_strings=True),
        **parse_alignments(tf.stack(batch), preprocessor.spec),
    }
    found = {name: value.numpy() for name, value in found.items()}
    if options.get("alignment", "none") != "none":
        found["maps"] = np.stack([example.alignment_maps for example in examples])
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
    ids, pairs, scores = (
        found[name] for name in ("token_ids", "alignments", "alignment_scores")
    )
    special = np.flatnonzero(vocabulary.is_special)
    unseen = [*special, *(vocabulary.ids[w] for w in ("in", "the", "."))]
    # "heel" in "heels" is another word.
    followed = vocabulary.is_continuation[np.roll(ids, -1, axis=1)]
    words = {
        "generated": ("black", "heel"),
        # Of black and blue all cells are alike; the others it has not learnt.
        "grounded": ("heel",),
    }
    aligned = (pairs >= 0).all(axis=2)
    if method == "teacher_forced":
        assert aligned.any(axis=1).sum() == count - 1
        assert not aligned[np.isin(ids, unseen)].any()
    else:
        named = [vocabulary.ids[word] for word in words[method]]
        np.testing.assert_array_equal(aligned, np.isin(ids, named) & ~followed)
        # The heels of the flat picture and of the long one, at the least.
        assert aligned.any(axis=1)[[-3, -2]].all()
    if method == "grounded":
        assert (pairs[aligned] == 0).all()
    patches, shares = alignment.best_patches(tf.constant(found["maps"]), aligned)
    np.testing.assert_array_equal(pairs, patches)
    np.testing.assert_allclose(scores, shares, rtol=1e-3)  # float16
    assert (found["maps"][~aligned] == 0).all()
    assert sidecar["unaligned"] == count - aligned.any(axis=1).sum()
    assert sidecar["empty_captions"] == 0
    # All captions are `CAPTION`.
    written = [count] if method == "generated" else []
    assert list(sidecar["commonest_captions"].values()) == written
    assert sidecar["captions"] == sum(written)
    said = " ".join(CAPTION).encode() if method == "generated" else b""
    assert found["generated_caption"].tolist() == [said] * count
    places = np.bincount(pairs[..., 0][aligned], minlength=9)
    assert sidecar["aligned_places"] == places.tolist()


def test_crops_of_another_saliency_than_the_aligners_are_a_warning(
    tmp_path, vocabulary, aligner, monkeypatch
):
    warnings = []
    monkeypatch.setattr(
        "absl.logging.warning", lambda text, *args: warnings.append(text % args)
    )

    def prepare(folder, saliency):
        warnings.clear()
        Preprocessor(
            vocabulary, saliency_method=saliency, alignment="grounded", aligner=folder
        )
        return [w for w in warnings if "--saliency" in w]

    (warning,) = prepare(aligner, "border")
    assert "--saliency=unet" in warning and "by border" in warning
    assert prepare(aligner, "unet") == []
    # Older files do not say what they were made of, and are the same networks.
    source, older = f"{aligner}/{GROUNDER_FILE}", str(tmp_path / GROUNDER_FILE)
    card = read_card(source)
    del card["made_of"]
    save_weights(load_network(source, vocabulary), older, card)
    assert file_fingerprint(older) == file_fingerprint(source)
    assert prepare(str(tmp_path), "border") == []


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
