"""Packaging: pinned dependencies and extras."""

import sys

from setuptools import find_packages, setup

if not (3, 9) <= sys.version_info[:2] <= (3, 11):
    sys.exit(
        "Kaleido-BERT needs Python 3.9, 3.10 or 3.11 (TensorFlow 2.15). "
        "Received: Python %d.%d" % sys.version_info[:2]
    )

setup(
    name="kaleido-bert-tf",
    version="0.1.0",
    description="Kaleido-BERT for TensorFlow 2: vision-language pre-training "
    "for fashion, from a catalogue to a SavedModel.",
    license="Apache-2.0",
    python_requires=">=3.9,<3.12",
    packages=find_packages(include=["kaleido*", "tfrecords*", "experiments*"]),
    package_data={"kaleido": ["reports/templates/*", "weights/*.npz"]},
    install_requires=[
        "tensorflow==2.15.1",
        "tensorflow-text==2.15.0",
        "tensorflow-addons==0.23.0",
        "keras-cv==0.9.0",
        "numpy==1.26.4",
        "absl-py==2.1.0",
        # With other versions of these three `import keras_cv` prints a
        # traceback beside TensorFlow 2.15.
        "tensorflow-metadata==1.17.0",
        "protobuf==4.25.9",
        # tensorflow-text imports tensorflow-hub, and that pkg_resources, which
        # newer ones no longer hold.
        "setuptools<81",
        "tensorflow-datasets==4.9.10; python_version >= '3.10'",
        "tensorflow-datasets==4.9.3; python_version < '3.10'",
        "h5py==3.11.0",
        "ml_collections==0.1.1",
        "safetensors==0.4.5",
        "beautifulsoup4==4.12.3",
        "Pillow==10.4.0",
        "resvg_py==0.5.0",
        "matplotlib==3.9.4",
        "Jinja2==3.1.6",
        "scikit-learn==1.5.2",
        # Later ones drop what this scikit-learn calls.
        "scipy==1.13.1",
    ],
    extras_require={
        # TensorFlow's own CUDA libraries.
        "gpu": ["tensorflow[and-cuda]==2.15.1"],
        # Later ones want a Pillow that draws other pictures.
        "beam": ["apache-beam==2.65.0"],
        # Scores of captions; METEOR and the tokenizer want Java, too.
        "captions": ["pycocoevalcap==1.2"],
        # PyTorch's CPU build is enough, and a tenth of the size:
        # PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu make bench
        "bench": [
            "torch==2.13.0",
            "transformers==4.57.6",
            "efficientnet_lite_pytorch==0.1.0",
        ],
        "dev": [
            "pytest==8.3.4",
            "pytest-xdist==3.6.1",
            "hypothesis==6.112.0",
            "ruff==0.8.4",
            "tokenizers==0.22.2",
            "pycocoevalcap==1.2",
        ],
    },
)
