"""Captioner, records and measurement; saliency training and scores: as called."""

import collections
import json

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kaleido import records, saliency
from kaleido.alignment import visible_pieces
from kaleido.alignment_generator import load_network
from kaleido.files import read_json
from kaleido.masked_pictures import part_of
from kaleido.text import load_vocabulary
from kaleido.weights_file import file_fingerprint, read_card, save_weights
from tests.stored_alignments import parse_alignments
from tests.test_binaries import outcome, start

pytestmark = pytest.mark.slow

RENDERED = ("--catalog=rendered", "--products=24", "--saliency=border")


def finished(module, *arguments):
    code, output, errors = outcome(start(module, *arguments))
    assert code == 0, errors[-3000:]
    return output, errors


def write_one_word(folder):
    """Lets a folder's captioner write one of its words again and again.

    What a short training writes is nothing to rely on. Returns the word's id; it
    stands in about half of the training texts.
    """
    path = str(folder / "captioner.npz")
    vocabulary = load_vocabulary(str(folder / "vocab.txt"))
    network = load_network(path, vocabulary)
    ids = np.load(folder / "pairs" / "train" / "token_ids.npy")
    words = np.flatnonzero(visible_pieces(vocabulary) & ~vocabulary.is_continuation)
    words = np.intersect1d(words, network.spec.pieces)
    share = (ids[:, :, None] == words).any(axis=1).mean(axis=0)
    word = int(words[np.abs(share - 0.5).argmin()])
    bias = network.to_pieces.bias.numpy()
    bias[network.piece_indices(tf.constant(word)).numpy()] = 1000.0
    network.to_pieces.bias.assign(bias)
    save_weights(network, path, read_card(path))
    return word


# 80 s of processor time.
def test_captioner_to_records_and_measurement(tmp_path):
    captioner = tmp_path / "captioner"
    train = (
        "experiments.train_captioner", *RENDERED, "--seed=1", "--epochs=1",
        "--batch_size=8", f"--output={captioner}",
    )
    finished(*train)
    report = read_json(captioner / "report.json")
    assert set(report["networks"]) == {"captioner", "grounder"}
    page = (captioner / "report.html").read_text(encoding="utf-8")
    # A picture beside each caption.
    assert 0 < len(report["captions"]) == page.count("data:image/jpeg")
    fingerprints = [
        (captioner / name).read_bytes() for name in ("captioner.npz", "grounder.npz")
    ]
    # Once more: all is there, and nothing changes.
    _, errors = finished(*train)
    assert "resumed after epoch 1" in errors and "pictures for train" not in errors
    assert fingerprints == [
        (captioner / name).read_bytes() for name in ("captioner.npz", "grounder.npz")
    ]

    for name in ("captioner.npz", "grounder.npz"):
        made_of = read_card(str(captioner / name))["made_of"]
        assert made_of["saliency"] == "border" and len(made_of["catalog"]) == 64

    word = write_one_word(captioner)
    folder = tmp_path / "records"
    _, errors = finished(
        "tfrecords.build", *RENDERED, f"--captioner={captioner}", "--crop_size=32",
        "--whole_crop_size=32", f"--output={folder}",
    )
    assert "was trained on objects" not in errors
    report = read_json(folder / "report.json")
    assert report["examples_written"] == 24 and report["empty_captions"] == 0
    spec = read_json(folder / "dataset.json")["spec"]
    assert (spec["alignment"], spec["masking"]) == ("generated", "agm")
    # The texts with the word that all captions have are aligned, at that word.
    serialized = tf.stack(
        list(tf.data.TFRecordDataset([str(p) for p in folder.glob("*.tfrecord")]))
    )
    spec = records.open_records(str(folder)).spec
    aligned = parse_alignments(serialized, spec)["alignments"].numpy() >= 0
    ids = records.parse_examples(serialized, spec)["token_ids"].numpy()
    followed = load_vocabulary().is_continuation[np.roll(ids, -1, axis=1)]
    expected = (ids == word) & ~followed
    np.testing.assert_array_equal(aligned.all(axis=2), expected)
    assert report["unaligned"] == 24 - expected.any(axis=1).sum() < 24

    figures = tmp_path / "figures.json"
    output, _ = finished(
        "experiments.evaluate_alignment", "--products=24", "--seed=2",
        "--saliency=border", f"--captioner={captioner}", f"--output={figures}",
    )
    results = read_json(figures)
    assert set(results["methods"]) == {"generated", "teacher_forced", "grounded"}
    assert results["products"] == 24 and "centre patch" in output
    assert "<table>" in (tmp_path / "figures.html").read_text(encoding="utf-8")


# 60 s of processor time: three processes, two of which trace a U-Net.
def test_a_shop_trains_on_its_own_masks(tmp_path):
    images, masks = tmp_path / "images", tmp_path / "masks"
    images.mkdir()
    masks.mkdir()
    rng = np.random.default_rng(0)
    for index in range(14):
        picture = np.full((80, 60, 3), rng.integers(150, 256, 3), np.uint8)
        mask = np.zeros((80, 60), np.uint8)
        y, x = rng.integers(5, 30, 2)
        picture[y : y + 40, x : x + 25] = rng.integers(0, 100, 3)
        mask[y : y + 40, x : x + 25] = 255
        Image.fromarray(picture).save(images / f"{index}.png")
        Image.fromarray(mask).save(masks / f"{index}.png")
    output = tmp_path / "saliency"
    finished(
        "tests.saliency_in_short_epochs", f"--source=shop={images}:{masks}",
        "--begin=packaged", "--learning_rate=1e-4", "--steps=1", "--batch_size=1",
        f"--output={output}",
    )
    weights = str(output / "saliency.npz")
    card = read_card(weights)
    assert card["settings"]["begin"] == "packaged" and len(card["parent"]) == 16
    assert card["sources"] == {"shop": 14}
    # From there on, to be compared with others: another tenth is left out and scored.
    compared = tmp_path / "compared"
    finished(
        "tests.saliency_in_short_epochs", f"--source=shop={images}:{masks}",
        f"--begin={weights}", "--part=validation", "--steps=1", "--batch_size=1",
        f"--output={compared}",
    )
    other, parts = read_card(str(compared / "saliency.npz")), collections.Counter(
        part_of((f"{index}.png", "")) for index in range(14)
    )
    assert other["parent"] == file_fingerprint(weights) and min(parts.values()) > 0
    assert other["parent_card"] == card
    assert card["parent_card"] == read_card(saliency.PACKAGED)
    assert card["trained_on"] == 14 - parts["test"]
    assert card["held_out"]["shop"]["pictures"] == parts["test"]
    assert other["trained_on"] == parts["train"]
    assert other["held_out"]["shop"]["pictures"] == parts["validation"]
    assert "mask IoU" in (output / "report.html").read_text()
    line, _ = finished(
        "experiments.evaluate_saliency", f"--images={images}", f"--masks={masks}",
        f"--weights={weights}", f"--output={tmp_path / 'scores.json'}",
    )
    figures = json.loads(line)
    assert json.loads((tmp_path / "scores.json").read_text()) == figures
    page = (tmp_path / "scores.html").read_text()
    # Of each picture: itself, the reference, what was found.
    assert sum(f">{index}.png: mask IoU" in page for index in range(14)) == 12
    assert page.count("data:image/jpeg") == 3 * 12
    assert figures["pictures"] == 14 and figures["bad_pictures"] == []
    assert figures["mask_iou"] > 0.9
