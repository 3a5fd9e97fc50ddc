"""Rendered catalogue, 1,915 training pairs, two CPU cores.

Command: make quickstart

Time: 19 minutes 10 seconds, 1 of them the installation: captioner 3, records 5,
training 8, evaluation and export 2.

Result of 150 steps, before features were normalised and hubs corrected; 1,197 test
products as queries, 101 candidates (99 % of the negatives are of the query's
sub-category), 5 draws, Rank@1/5/10 in percent:
                    image to text     text to image
  contrastive       56.4/90.8/97.1    57.1/91.2/97.1
  ridge map         41.4/78.2/88.3    47.3/84.8/92.3
Validation, loss before the first step and at the end, accuracy (chance):
  masked language   6.33 -> 2.93      .426 (.111)
  matching           .34 ->  .21      .963 (.5)
  rotation          1.39 ->  .50      .718 (.25)
  jigsaw            3.19 -> 2.00      .239 (.042)
  camouflage        1.65 ->  .43      .883 (.111)
  grey to colour    1.14 ->  .95      .436 (.016)
  blank to colour   1.26 -> 1.20      .129 (.010)
"""

from kaleido.presets import preset


def get_config():
    config = preset("small").to_config_dict()
    config.data.batch_size = 32
    config.data.group_size = 8
    config.training.steps = 100
    config.training.learning_rate = 2e-4
    config.training.warmup_steps = 20
    config.training.eval_every = 50
    return config
