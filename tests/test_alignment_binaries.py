"""Captioner, records and measurement; saliency training and scores: as called."""

import json

import numpy as np
import pytest
from PIL import Image

from kaleido.files import read_json
from kaleido.weights_file import read_card
from tests.test_binaries import outcome, start

pytestmark = pytest.mark.slow

RENDERED = ("--catalog=rendered", "--products=24", "--saliency=border")


def finished(module, *arguments):
    code, output, errors = outcome(start(module, *arguments))
    assert code == 0, errors[-3000:]
    return output, errors


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
    assert report["captions"] and "report.html" in {p.name for p in captioner.iterdir()}
    fingerprints = [
        (captioner / name).read_bytes() for name in ("captioner.npz", "grounder.npz")
    ]
    # Once more: all is there, and nothing changes.
    _, errors = finished(*train)
    assert "resumed after epoch 1" in errors and "pictures for train" not in errors
    assert fingerprints == [
        (captioner / name).read_bytes() for name in ("captioner.npz", "grounder.npz")
    ]

    records = tmp_path / "records"
    finished(
        "tfrecords.build", *RENDERED, f"--captioner={captioner}", "--crop_size=32",
        "--whole_crop_size=32", f"--output={records}",
    )
    report = read_json(records / "report.json")
    assert report["examples_written"] == 24
    assert report["unaligned"] <= 24 and report["empty_captions"] <= 24
    spec = read_json(records / "dataset.json")["spec"]
    assert (spec["alignment"], spec["masking"]) == ("generated", "agm")

    figures = tmp_path / "figures.json"
    output, _ = finished(
        "experiments.evaluate_alignment", "--products=24", "--seed=2",
        "--saliency=border", f"--captioner={captioner}", f"--output={figures}",
    )
    results = read_json(figures)
    assert set(results["methods"]) == {"generated", "teacher_forced", "grounded"}
    assert results["products"] == 24 and "centre patch" in output
    assert "<table>" in (tmp_path / "figures.html").read_text(encoding="utf-8")


# 90 s of processor time: 250 steps of one picture.
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
        "experiments.train_saliency", f"--source=shop={images}:{masks}",
        "--begin=packaged", "--learning_rate=1e-4", "--steps=1", "--batch_size=1",
        f"--output={output}",
    )
    weights = output / "saliency.npz"
    card = read_card(str(weights))
    assert card["settings"]["begin"] == "packaged" and len(card["parent"]) == 16
    assert card["sources"] == {"shop": 14}
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
