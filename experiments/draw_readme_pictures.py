r"""Draws the pictures of the README from the rendered catalogue.

Example:
  python -m experiments.draw_readme_pictures --output=docs
"""

from __future__ import annotations

import os

from absl import app, flags
from PIL import Image

from kaleido.cli import fail_clearly

FLAGS = flags.FLAGS

flags.DEFINE_string("output", "docs", "Folder of the pictures.")
flags.DEFINE_integer("seed", 3, "Seed of the catalogue.")
flags.DEFINE_list("rows", ["3", "1", "20"], "Rows of the catalogue to draw.")

_SIDE, _GAP = 170, 14


@fail_clearly
def main(argv):
    del argv
    from kaleido import foreground, patches
    from kaleido.catalogs.rendered import RenderedCatalog
    from kaleido.reports.kaleido_figure import draw_box, draw_levels

    catalog = RenderedCatalog(products=100, seed=FLAGS.seed, views=1)
    layout = patches.LAYOUTS["kaleido"]
    lines = []
    for product in catalog.read([int(row) for row in FLAGS.rows]):
        image = patches.decode_picture(product.image)
        box, _ = foreground.foreground_box(image, "mask", product.mask)
        box = patches.lock_box(box, *image.shape[:2])
        boxes = patches.patch_boxes(box, layout).numpy()
        image = image.numpy()
        levels = draw_levels(image, boxes, layout, _SIDE)
        lines.append([draw_box(image, box.numpy()), *levels])
    width = (len(layout.levels) + 1) * (_SIDE + _GAP) - _GAP
    canvas = Image.new(
        "RGB", (width, len(lines) * (_SIDE + _GAP) - _GAP), (255, 255, 255)
    )
    for row, line in enumerate(lines):
        for column, drawing in enumerate(line):
            picture = Image.fromarray(drawing).resize((_SIDE, _SIDE), Image.LANCZOS)
            canvas.paste(picture, (column * (_SIDE + _GAP), row * (_SIDE + _GAP)))
    os.makedirs(FLAGS.output, exist_ok=True)
    canvas.save(os.path.join(FLAGS.output, "kaleido_patches.jpg"), quality=88)


if __name__ == "__main__":
    app.run(main)
