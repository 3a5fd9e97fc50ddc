r"""Trains the saliency network on pictures with masks, and scores it.

A tenth of each source, chosen by the files' names, is never trained on; the
scores on it go into the weights file and OUTPUT/report.json. A run that was
stopped goes on where it was.

Examples:
  python -m experiments.train_saliency --rendered=1500 --steps=9000 \
      --source=street=$DATA/ccp_masks/images:$DATA/ccp_masks/masks \
      --source=product=$DATA/myntra/images:$DATA/myntra/masks \
      --output=runs/saliency
  python -m experiments.train_saliency --begin=packaged --learning_rate=2e-4 \
      --steps=1000 --source=shop=shop/photos:shop/masks --output=runs/shop/saliency
"""

from __future__ import annotations

import io
import os
import time

from absl import app, flags, logging

from kaleido.cli import fail_clearly

FLAGS = flags.FLAGS

flags.DEFINE_multi_string(
    "source", [],
    "NAME=IMAGES:MASKS, two folders of files with equal stems; repeatable.",
)
flags.DEFINE_integer("rendered", 0, "Rendered products that are trained on, too.")
flags.DEFINE_enum(
    "begin", "imagenet", ("imagenet", "packaged"),
    "Starting weights: the backbone's, or those of the packaged saliency network.",
)
flags.DEFINE_integer("steps", 9000, "Training steps, rounded up to 250s.")
flags.DEFINE_integer("batch_size", 16, "Pictures a step.")
flags.DEFINE_float("learning_rate", 1e-3, "Peak of the learning rate.")
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
    from PIL import Image

    from kaleido import saliency
    from kaleido import saliency_training as training
    from kaleido.catalogs.rendered import RenderedCatalog
    from kaleido.files import write_json
    from kaleido.saliency_metrics import evaluate_saliency, read_masked_picture
    from kaleido.weights_file import load_weights, save_weights

    start = time.time()
    sources = {}
    for source in FLAGS.source:
        name, images, masks = _parse(source)
        sources[name] = training.find_pairs(images, masks)
    kept = [
        training.read_pair(Image.open(image), Image.open(mask))
        for pairs in sources.values() for image, mask in pairs
        if not training.is_held_out((image, mask))
    ]
    if FLAGS.rendered:
        catalog = RenderedCatalog(FLAGS.rendered, FLAGS.seed, views=1)
        kept += [
            training.read_pair(
                Image.open(io.BytesIO(p.image)), Image.open(io.BytesIO(p.mask))
            )
            for p in catalog.read(range(FLAGS.rendered))
        ]
    logging.info("%d pictures to train on", len(kept))
    epochs = -(-FLAGS.steps // training.EPOCH_STEPS)
    network = saliency.build_saliency_network()
    if FLAGS.begin == "packaged":
        load_weights(network, saliency.PACKAGED)
    training.train_saliency(
        network, training.stack_pairs(kept), os.path.join(FLAGS.output, "checkpoints"),
        epochs, FLAGS.batch_size, FLAGS.learning_rate, FLAGS.seed,
    )
    # Scored as they will be used: after rounding to float16.
    weights = os.path.join(FLAGS.output, "saliency.npz")
    save_weights(network, weights, {})
    find = saliency.load_saliency(weights)
    scores = {}
    for name, pairs in sources.items():
        held_out = [pair for pair in pairs if training.is_held_out(pair)]
        pictures = (read_masked_picture(*pair) for pair in held_out)
        scores[name] = evaluate_saliency(find, pictures)
        logging.info("%s: %s", name, scores[name])
    settings = ("rendered", "begin", "steps", "batch_size", "learning_rate", "seed")
    report = {
        "command": "experiments.train_saliency",
        "sources": {name: len(pairs) for name, pairs in sources.items()},
        "settings": {name: getattr(FLAGS, name) for name in settings},
        "trained_on": len(kept),
        "held_out": scores,
        "seconds": round(time.time() - start, 1),
    }
    save_weights(network, weights, report)
    write_json(os.path.join(FLAGS.output, "report.json"), report)


if __name__ == "__main__":
    app.run(main)
