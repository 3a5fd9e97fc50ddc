"""Rendered catalogue, about 1,900 training pairs, two CPU cores (`make quickstart`)."""

from kaleido.config import PAPER_TASKS, preset


def get_config():
    config = preset("small").to_config_dict()
    config.data.batch_size = 32
    config.data.group_size = 8
    config.training.steps = 240
    config.training.learning_rate = 3e-4
    config.training.warmup_steps = 20
    config.training.eval_every = 60
    for task in PAPER_TASKS:
        config.tasks[task].start_step = 30
    return config
