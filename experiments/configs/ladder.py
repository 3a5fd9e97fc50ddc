"""A short training on Myntra, the same for every rung of the ladder.

python -m experiments.ladder --catalog=table --catalog_path=$KALEIDO_DATA/data/myntra \\
    --captioner=runs/myntra/captioner --output=runs/myntra/ladder

Time of a run: 15 minutes on two cores, the evaluation included, 30 to 40 on one.
Result: RESULTS.md, "Patches and masks, on Myntra".
"""

from experiments.configs import myntra_small
from kaleido.presets import alignment_first


def get_config():
    config = myntra_small.get_config()
    # Alignment is learnt first; more of the time than there goes to the tasks that
    # mask plans guide.
    config.training.steps = 240
    config.training.eval_every = 120
    alignment_first(config, 120)
    return config
