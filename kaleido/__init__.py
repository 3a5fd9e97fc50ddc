"""Kaleido-BERT for TensorFlow 2: vision-language pre-training for fashion."""

import os
import warnings

# TensorFlow's C++ side is quiet about which CPU instructions it uses; a user
# who wants to know sets the variable before the import.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# TensorFlow leaves these kernels off on processors without AVX-512; those with AVX2
# train in three fifths of the time by them.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
# TensorFlow Addons announces at import that it is in its last release. Our pin
# is chosen with that known, and the line would head every log.
warnings.filterwarnings("ignore", module="tensorflow_addons")

__version__ = "0.1.0"


def load(name):
    """Loads a published model, see `model_folder.load`."""
    # TensorFlow is not imported before somebody needs it.
    from kaleido import model_folder

    return model_folder.load(name)
