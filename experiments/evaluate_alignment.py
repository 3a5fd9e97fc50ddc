r"""Measures alignments where the truth is known: on a rendered catalogue.

Renders products of the seed and aligns their words by every method that the
captioner's folder holds networks for, beside baselines that know no picture. The
captioner must have been trained on other products: another seed.

Example:
  python -m experiments.evaluate_alignment --captioner=runs/captioner \
      --products=600 --seed=7 --output=runs/alignment.json
"""

from __future__ import annotations

import os

from absl import app, flags, logging

from kaleido.cli import fail_clearly, run_binary

FLAGS = flags.FLAGS

flags.DEFINE_string(
    "captioner", None,
    "Folder of experiments.train_captioner on a rendered catalogue; default: trains "
    "one on 2,500 products of the next seed, beside the output.",
)
flags.DEFINE_integer("products", 600, "Products to render.", lower_bound=1)
flags.DEFINE_integer("seed", 7, "Seed of the catalogue.")
flags.DEFINE_enum("saliency", "unet", ("unet", "mask", "border"), "Foreground.")
flags.DEFINE_string("output", None, "A JSON file; a page beside it.", required=True)


def _line(name, figures):
    def percent(value):
        return "    -" if value is None else f"{100 * value:5.1f}"

    shown = [
        percent(figures[over][what])
        for over in ("moving", "all")
        for what in ("pointing", "found", "precision", "recall", "coverage")
    ]
    return f"{name:40} " + " ".join(shown)


@fail_clearly
def main(argv):
    del argv
    from kaleido.alignment import METHODS
    from kaleido.alignment_evaluation import evaluate_alignment
    from kaleido.alignment_generator import AlignmentGenerator, network_path
    from kaleido.catalogs.rendered import RenderedCatalog
    from kaleido.files import write_json, write_text
    from kaleido.picture_pipeline import PicturePipeline
    from kaleido.progress import Progress
    from kaleido.reports.alignment_report import alignment_page
    from kaleido.text import Tokenizer, load_vocabulary

    vocabulary = load_vocabulary()
    folder = FLAGS.captioner or _train()
    generators = {
        method: AlignmentGenerator(method, folder, vocabulary)
        for method in METHODS[:-1] if os.path.exists(network_path(method, folder))
    }
    if not generators:
        raise ValueError(f"--captioner: {folder} holds no trained network.")
    # All have the same grid.
    extract_grid = next(iter(generators.values())).grid
    catalog = RenderedCatalog(FLAGS.products, FLAGS.seed, views=1)
    for generator in generators.values():
        if generator.made_of.get("catalog") == catalog.fingerprint:
            raise ValueError(
                f"--captioner: {folder} was trained on these very products; take "
                f"another --seed. Received: {FLAGS.seed}"
            )
    progress = Progress(FLAGS.products, "products")
    results = evaluate_alignment(
        catalog, PicturePipeline(FLAGS.saliency, None, 16), Tokenizer(vocabulary),
        extract_grid, generators, max_tokens=64, seed=FLAGS.seed,
        advance=progress.advance,
    )
    progress.finish()
    write_json(FLAGS.output, results)
    page = os.path.splitext(FLAGS.output)[0] + ".html"
    write_text(page, alignment_page(results))
    columns = "point found preci recal cover"
    print(f"{'':40} {'words whose part moves':{len(columns)}} all words")
    print(f"{'':40} {columns} {columns}")
    for kind in ("baselines", "methods"):
        for name, figures in results[kind].items():
            print(_line(name, figures))
            for other, same in figures.get("same_words", {}).items():
                print(_line(f"  its words by {other}", same))
    logging.info("report: %s", page)


def _train() -> str:
    """Trains a captioner on other products than are measured; returns its folder."""
    folder = os.path.join(os.path.dirname(os.path.abspath(FLAGS.output)), "captioner")
    run_binary(
        "experiments.train_captioner", "--catalog=rendered", "--products=2500",
        f"--seed={FLAGS.seed + 1}", f"--saliency={FLAGS.saliency}",
        f"--output={folder}",
    )
    return folder


if __name__ == "__main__":
    app.run(main)
