"""`experiments.train_saliency` with epochs of a few steps."""

from absl import app

from experiments import train_saliency
from kaleido import saliency_training

if __name__ == "__main__":
    saliency_training.EPOCH_STEPS = 10
    app.run(train_saliency.main)
