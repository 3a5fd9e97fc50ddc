r"""Trains the saliency network on pictures with masks, and scores it.

A tenth of each source, chosen by the files' names, is never trained on; the
scores on it go into the weights file and OUTPUT/report.json, the worst pictures
into report.html. Who compares trainings compares them by --part=validation: another
tenth is left out, too, and scored. A run that was stopped goes on where it was.

Examples:
  python -m experiments.train_saliency --rendered=600 --steps=7000 \
      --source=street=$DATA/ccp_masks/images:$DATA/ccp_masks/masks \
      --source=product=$DATA/myntra/images:$DATA/myntra/masks \
      --output=runs/saliency
  python -m experiments.train_saliency --begin=packaged --learning_rate=2e-4 \
      --steps=1000 --source=shop=shop/photos:shop/masks --output=runs/shop/saliency
"""

from __future__ import annotations

import collections
import itertools
import os
import time

from absl import app, flags, logging

from kaleido.cli import fail_clearly

FLAGS = flags.FLAGS

flags.DEFINE_multi_string(
    "source", [],
    "NAME=IMAGES:MASKS, two folders of files with equal stems; repeatable.",
)
flags.DEFINE_integer(
    "rendered", 0, "Rendered products that are trained on, too.", lower_bound=0
)
flags.DEFINE_string(
    "begin", "imagenet",
    "Starting weights: `imagenet`, the backbone's; `packaged`, those of the packaged "
    "saliency network; or a file of another training.",
)
flags.DEFINE_enum(
    "part", "test", ("test", "validation"),
    "The tenth that is scored. `validation` leaves both out of the training.",
)
flags.DEFINE_integer(
    "steps", 9000, "Training steps, rounded up to 250s.", lower_bound=1
)
flags.DEFINE_integer("batch_size", 16, "Pictures a step.", lower_bound=1)
flags.DEFINE_float("learning_rate", 1e-3, "Peak of the learning rate.")
flags.DEFINE_float(
    "augmentation", 1.0,
    "Strength of the augmentations; below 1 to end on pictures as they are.",
    lower_bound=0.0, upper_bound=1.0,
)
flags.DEFINE_integer("seed", 0, "Seed of everything random.")
flags.DEFINE_string("output", None, "Folder of the run.", required=True)


def _parse(source):
    """Returns the name, the pictures' and the masks' folder of a --source."""
    name, _, folders = source.partition("=")
    images, _, masks = folders.rpartition(":")
    if not (name and images and masks):
        raise ValueError(f"--source takes NAME=IMAGES:MASKS. Received: {source!r}")
    return name, images, masks


@fail_clearly
def main(argv):
    del argv
    if not FLAGS.source and not FLAGS.rendered:
        raise ValueError("--source or --rendered: there is nothing to train on.")

    from kaleido import saliency
    from kaleido import saliency_training as training
    from kaleido.files import claim_folder, digest_arrays, write_json, write_text
    from kaleido.masked_pictures import (
        HELD_OUT_SHARE,
        PairReader,
        find_pairs,
        read_masked_picture,
    )
    from kaleido.progress import Progress
    from kaleido.reports.saliency_report import saliency_page
    from kaleido.saliency_evaluation import WorstPictures, score_pictures, summarize
    from kaleido.weights_file import (
        file_fingerprint,
        load_weights,
        read_card,
        save_weights,
    )

    start = time.time()
    # What cannot be had should not cost the reading.
    parent, parent_card = FLAGS.begin, {}
    if FLAGS.begin != "imagenet":
        begin = saliency.PACKAGED if FLAGS.begin == "packaged" else FLAGS.begin
        parent, parent_card = file_fingerprint(begin), read_card(begin)
    reader, pairs = PairReader(), {}
    for source in FLAGS.source:
        name, images, masks = _parse(source)
        if name in pairs:
            raise ValueError(f"Two sources have one name. Received: {FLAGS.source}")
        pairs[name] = find_pairs(images, masks)
    counts = {name: collections.Counter() for name in pairs}
    held_out = {name: [] for name in pairs}
    total = sum(map(len, pairs.values()))

    def training_pictures():
        # What is scored later is read, too: a bad one must not come up afterwards.
        progress = Progress(total, "masked pictures")
        for name, found in pairs.items():
            for pair, picture, use in reader.read_parts(found, FLAGS.part, progress):
                counts[name][use] += 1
                if use == "scored":
                    held_out[name].append(pair)
                elif use == "train":
                    yield picture
            logging.info("%s: %s", name, dict(counts[name]))
        progress.finish()

    stored = training.store_pictures(
        itertools.chain(training_pictures(), _rendered(FLAGS.rendered, FLAGS.seed)),
        total + FLAGS.rendered,
    )
    for text in reader.bad:
        logging.warning("left out: %s", text)
    if len(stored["images"]) < FLAGS.batch_size:
        raise ValueError(
            f"Training needs a batch of {FLAGS.batch_size} pictures that are not held "
            f"out. Received: {len(stored['images'])}"
        )
    settings = (
        "rendered", "begin", "steps", "batch_size", "learning_rate", "augmentation",
        "seed",
    )
    job = {
        "sources": {name: sum(uses.values()) for name, uses in counts.items()},
        "pictures": digest_arrays(stored["images"], stored["masks"]),
        "settings": {name: getattr(FLAGS, name) for name in settings},
        "parent": parent,
    }
    claim_folder(
        FLAGS.output, job, "the training", ["checkpoints/*", "saliency.npz"]
    )
    epochs = -(-FLAGS.steps // training.EPOCH_STEPS)
    network = saliency.build_saliency_network(pretrained=FLAGS.begin == "imagenet")
    if FLAGS.begin != "imagenet":
        load_weights(network, begin)
    training.train_saliency(
        network, stored, os.path.join(FLAGS.output, "checkpoints"), epochs,
        FLAGS.batch_size, FLAGS.learning_rate, FLAGS.seed, FLAGS.augmentation,
    )
    # Scored as they will be used: after rounding to float16.
    weights = os.path.join(FLAGS.output, "saliency.npz")
    save_weights(network, weights, {})
    # Few pictures may all be trained on.
    apart = {
        name: itertools.starmap(read_masked_picture, kept)
        for name, kept in held_out.items() if kept
    }
    if FLAGS.rendered:
        # Products of another seed, one for each part.
        count = max(round(HELD_OUT_SHARE * FLAGS.rendered), 1)
        seed = FLAGS.seed + (1 if FLAGS.part == "test" else 2)
        apart["rendered"] = _rendered(count, seed)
    find, scores, worst = saliency.load_saliency(weights), dict.fromkeys(held_out), {}
    for name, pictures in apart.items():
        keeper = WorstPictures(12)
        scores[name] = summarize(keeper.watch(score_pictures(find, pictures)))
        worst[name] = keeper.pictures()
        logging.info("%s, held out: %s", name, scores[name])
    report = {
        **job,
        "command": "experiments.train_saliency",
        "part": FLAGS.part,
        "trained_on": len(stored["images"]),
        "held_out": scores,
        "bad_pictures": reader.bad,
        "parent_card": parent_card,
        "seconds": round(time.time() - start, 1),
    }
    # What made the weights, from the first training on, and not when: the same
    # trainings make the same file.
    card = {k: v for k, v in report.items() if k not in ("seconds", "bad_pictures")}
    card["held_out"] = {
        name: figures and {
            k: v for k, v in figures.items() if k != "pictures_per_second"
        }
        for name, figures in scores.items()
    }
    save_weights(network, weights, card)
    write_json(os.path.join(FLAGS.output, "report.json"), report)
    page = saliency_page({name: (scores[name], worst[name]) for name in worst})
    write_text(os.path.join(FLAGS.output, "report.html"), page)


def _rendered(count, seed):
    """Yields the masked pictures of rendered products."""
    from kaleido.catalogs.rendered import RenderedCatalog
    from kaleido.masked_pictures import decode_masked_picture

    catalog = RenderedCatalog(count, seed, views=1) if count else None
    for product in catalog.read(range(count)) if catalog else ():
        yield decode_masked_picture(product.image, product.mask, product.image_id)


if __name__ == "__main__":
    app.run(main)
