"""Myntra, 9,495 training products, preset `small`, two CPU cores."""

from kaleido.config import preset


def get_config():
    config = preset("small").to_config_dict()
    config.training.steps = 400
    config.training.eval_every = 100
    config.tasks = {"contrastive": {"weight": 1.0, "start_step": 0}}
    return config
