r"""Draws the pictures of the README from the rendered catalogue.

Example:
  python -m experiments.draw_readme_pictures --captioner=runs/captioner --output=docs
"""

from __future__ import annotations

import os

from absl import app, flags
from PIL import Image, ImageDraw

from kaleido.cli import fail_clearly

FLAGS = flags.FLAGS

flags.DEFINE_string("output", "docs", "Folder of the pictures.")
flags.DEFINE_integer("seed", 3, "Seed of the catalogue.")
flags.DEFINE_list("rows", ["3", "1", "20"], "Rows of the catalogue to draw.")

flags.DEFINE_string(
    "captioner", None, "Folder of experiments.train_captioner.", required=True
)
flags.DEFINE_enum(
    "alignment", "grounded", ("generated", "teacher_forced", "grounded"),
    "What aligns the words.",
)

_SIDE, _GAP, _LINE = 170, 14, 16


def _sheet(rows):
    """Lays rows of drawings out on white, each drawing _SIDE pixels a side."""
    width = max(len(row) for row in rows) * (_SIDE + _GAP) - _GAP
    canvas = Image.new(
        "RGB", (width, len(rows) * (_SIDE + _GAP) - _GAP), (255, 255, 255)
    )
    for y, row in enumerate(rows):
        for x, drawing in enumerate(row):
            picture = Image.fromarray(drawing).resize((_SIDE, _SIDE), Image.LANCZOS)
            canvas.paste(picture, (x * (_SIDE + _GAP), y * (_SIDE + _GAP)))
    return canvas


def _with_words(drawings, words):
    """A sheet of one row, with a coloured word above each drawing."""
    sheet = _sheet([drawings])
    canvas = Image.new("RGB", (sheet.width, sheet.height + _LINE), (255, 255, 255))
    canvas.paste(sheet, (0, _LINE))
    for k, (word, colour) in enumerate(words):
        ImageDraw.Draw(canvas).text((k * (_SIDE + _GAP), 0), word, fill=colour)
    return canvas


def _stacked(sheets):
    """Sheets one above the other."""
    width = max(sheet.width for sheet in sheets)
    height = sum(sheet.height + _GAP for sheet in sheets) - _GAP
    canvas = Image.new("RGB", (width, height), (255, 255, 255))
    top = 0
    for sheet in sheets:
        canvas.paste(sheet, (0, top))
        top += sheet.height + _GAP
    return canvas


@fail_clearly
def main(argv):
    del argv
    from kaleido import patches
    from kaleido.catalogs.rendered import RenderedCatalog
    from kaleido.preprocessing import Preprocessor
    from kaleido.reports import kaleido_figure as figure
    from kaleido.reports.records_report import figure_of
    from kaleido.text import load_vocabulary

    vocabulary = load_vocabulary()
    catalog = RenderedCatalog(products=100, seed=FLAGS.seed, views=1)
    preprocessor = Preprocessor(
        vocabulary, alignment=FLAGS.alignment, aligner=FLAGS.captioner
    )
    layout = preprocessor.spec.patch_layout
    rows = [int(row) for row in FLAGS.rows]
    examples = [
        example for _, items in preprocessor.examples(catalog.read, [rows])
        for example in items
    ]
    plain, aligned = [], []
    for example in examples:
        image = patches.decode_picture(example.product.image).numpy()
        boxes = patches.patch_boxes(example.box, layout).numpy()
        levels = figure.draw_levels(image, boxes, layout, _SIDE)
        plain.append([figure.draw_box(image, example.box), *levels])
        drawn = figure_of(example, preprocessor.spec, vocabulary)
        first = [drawn.picture, drawn.mask, *drawn.levels[2:], *drawn.masked[2:]]
        maps = [heat for _, _, heat in drawn.maps][: len(first)]
        words = [(word, colour) for word, colour, _ in drawn.maps][: len(first)]
        aligned += [_sheet([first]), _with_words(maps, words)]
    os.makedirs(FLAGS.output, exist_ok=True)
    for name, canvas in (
        ("kaleido_patches", _sheet(plain)), ("alignments", _stacked(aligned))
    ):
        canvas.save(os.path.join(FLAGS.output, f"{name}.jpg"), quality=88)


if __name__ == "__main__":
    app.run(main)
