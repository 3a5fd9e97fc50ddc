"""Rendered catalogue, 1,915 training pairs, two CPU cores.

Command: make quickstart

Time: 19 minutes 10 seconds, 1 of them the installation, 150 steps at a rate of 2e-4
and without captions: captioner 3, records 5, training 8, evaluation and export 2.

Times and results are of features without the backbone's inner stages, which quickstart
has taken since, and captions copied from pictures that were compared by features.

Result of 100 steps at a rate of 2e-4, captions at 1e-4; 1,197 test products as queries,
101 candidates (99 % of the negatives are of the query's sub-category), 5 draws,
Rank@1/5/10 in percent:
                             image to text     text to image
  contrastive                67.4/94.4/98.6    68.1/94.1/97.9
  hubs corrected             73.8/96.6/99.2    74.2/96.4/98.8
  ridge map                  41.4/78.4/88.4    47.2/84.7/92.1
  ridge map, hubs corrected  52.1/88.5/94.7    51.1/86.4/93.7
Validation, loss before the first step and at the end, accuracy (chance):
  masked language   6.16 -> 3.82      .324 (.112)
  matching           .34 ->  .23      .952 (.5)
  rotation          1.39 ->  .67      .670 (.25)
  jigsaw            3.20 -> 2.84      .149 (.042)
  camouflage        1.70 ->  .48      .862 (.111)
  grey to colour    1.26 -> 1.00      .410 (.016)
  blank to colour   1.30 -> 1.19      .128 (.010)
Captions of validation, beam of four, CIDEr x 100 and attributes named, percent:
  60 steps, with a text to copy from     33.8, 26.3
  and closed forms of words              43.6, 36.8
  the text itself                        49.9, 36.7
  the nearest picture's text             44.6, 35.9

The rate: 4,784 products, the first 100 of 200 steps, validation; masked language,
contrastive, jigsaw: 3.47, .202, 2.01 at 2e-4, 3.23, .186, 1.74 at 6e-4.
"""

from kaleido.presets import preset


def get_config():
    config = preset("small").to_config_dict()
    config.data.batch_size = 32
    config.data.group_size = 8
    config.training.steps = 100
    config.training.learning_rate = 6e-4
    config.training.warmup_steps = 20
    config.training.eval_every = 50
    return config
