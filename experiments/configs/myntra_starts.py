"""Myntra's recipe of a night in a seventh of its steps: for `experiments.starts`.

Twelve rows with three seeds are 36 fine-tunings, and rivals train for
as long as this does.

python -m experiments.pretrain --config=experiments/configs/myntra_starts.py \\
    --records=runs/myntra/records --workdir=runs/myntra/starts_model
python -m experiments.starts --records=runs/myntra/records --steps=100 \\
    --checkpoint=runs/myntra/starts_model --grid_records=runs/myntra/records_grid8 \\
    --output=runs/myntra/starts

Time: 49 minutes on two cores without AVX-512, 7 of them for closed forms; a step of
contrastive alignment 3.9 seconds, one of all tasks 10. Validation at the end, at the
night's rate of 2e-4 and at this of 6e-4, loss (accuracy; contrastive: in a batch):
  contrastive       .437 (.906)    .412 (.903)
  masked language  5.34  (.115)   5.27  (.109)
  matching          .208 (.928)    .198 (.941)
  rotation         1.37  (.332)   1.27  (.378)
  jigsaw           3.07  (.098)   2.53  (.220)
  camouflage        .80  (.765)   1.09  (.640)
  grey to colour    .98  (.029)   1.07  (.041)
  blank to colour   .98  (.025)   1.02  (.036)
"""

from experiments.configs import myntra_night
from kaleido.presets import alignment_first


def get_config():
    config = myntra_night.get_config()
    config.training.steps = 360
    config.training.learning_rate = 6e-4
    config.training.warmup_steps = 40
    config.training.eval_every = 100
    alignment_first(config, 280)
    return config
