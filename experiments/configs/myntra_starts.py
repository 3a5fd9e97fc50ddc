"""Myntra's recipe of a night in a seventh of its steps: for `experiments.starts`.

Three seeds are three pre-trainings and 36 fine-tunings, and rivals train for as long
as this does.

python -m experiments.starts --config=experiments/configs/myntra_starts.py --steps=50 \\
    --records=runs/myntra/records --grid_records=runs/myntra/records_grid8 \\
    --output=runs/myntra/starts

Time: an hour and a half on one core without AVX-512; a step of contrastive alignment
7.3 seconds, one of all tasks 20.

Validation at the end with the patch embedding at five times the rate, loss (accuracy;
contrastive: in a batch). Most of the tasks that fine-tunings of classes and captions
build on are learnt after the 80th step of all tasks, and a lower rate has less to make
good at the end:
                    280 + 80 steps   280 + 80 steps   200 + 200 steps
                    at 2e-4          at 6e-4          at 4e-4: this
  contrastive         .437 (.906)     .412 (.903)     .423 (.907)
  masked language    5.341 (.115)    5.271 (.109)    4.543 (.188)
  matching            .208 (.928)     .198 (.941)     .190 (.949)
  rotation           1.374 (.332)    1.267 (.378)     .649 (.705)
  jigsaw             3.074 (.098)    2.526 (.220)     .613 (.770)
  camouflage          .802 (.765)    1.090 (.640)     .558 (.831)
  grey to colour      .982 (.029)    1.070 (.041)     .865 (.089)
  blank to colour     .980 (.025)    1.018 (.036)     .886 (.060)
"""

from experiments.configs import myntra_night
from kaleido.presets import alignment_first


def get_config():
    config = myntra_night.get_config()
    config.training.steps = 400
    config.training.learning_rate = 4e-4
    config.training.warmup_steps = 40
    config.training.eval_every = 100
    alignment_first(config, 200)
    return config
