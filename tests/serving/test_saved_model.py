"""The exported model answers as the Python path does, without our code."""

import dataclasses
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from kaleido import corruption, records
from kaleido.caption_context import CaptionContext
from kaleido.catalogs.product import Product
from kaleido.classifier import Classifier
from kaleido.generator import Generator
from kaleido.layers.heads import level_means
from kaleido.models import networks_for
from kaleido.preprocessing import Preprocessor
from kaleido.serving.caption_module import CaptionModule
from kaleido.serving.class_module import ClassModule
from kaleido.serving.picture_reader import PictureReader
from kaleido.serving.saved_model import export_saved_model
from kaleido.serving.search_module import SearchModule
from kaleido.text import RESERVED, Tokenizer, Vocabulary
from tests import tiny_records

TEXTS = ("word1 word2 word30", "Word7, word8 unheard-of word9")

# Runs in another folder, in a process that must not find our packages.
_CLIENT = """
import importlib.abc, json, sys

class Blocker(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("kaleido", "tfrecords", "experiments", "tests"):
            raise ImportError(name + " is not there")

sys.meta_path.insert(0, Blocker())
try:
    import kaleido
except ImportError:
    pass
else:
    sys.exit("kaleido can be imported")
import tensorflow as tf, tensorflow_text

folder, *pictures = sys.argv[1:]
model = tf.saved_model.load(folder)
images = tf.constant([open(p, "rb").read() for p in pictures])
texts = tf.constant(json.load(sys.stdin))
sign = model.signatures
found = {
    "match": sign["serving_default"](images=images, texts=texts)["match_probability"],
    "image": sign["embed_image"](images=images)["vector"],
    "text": sign["embed_text"](texts=texts)["vector"],
    "first": sign["embed_image"](images=images[:1])["vector"],
}
print(json.dumps({name: value.numpy().tolist() for name, value in found.items()}))
"""


def pictures():
    """Two objects on plain grounds, of different sizes and formats."""
    rng = np.random.default_rng(0)
    shirt = np.full((120, 90, 3), 250, np.uint8)
    shirt[30:100, 20:70] = rng.integers(0, 160, (70, 50, 3))
    shoe = np.full((64, 110, 3), 20, np.uint8)
    shoe[20:50, 30:95] = rng.integers(90, 255, (30, 65, 3))
    return (
        tf.io.encode_jpeg(shirt, quality=95).numpy(), tf.io.encode_png(shoe).numpy()
    )


@dataclasses.dataclass
class Exported:
    networks: object
    spec: records.RecordSpec
    arrays: dict
    answers: dict


@pytest.fixture(scope="module")
def exported(efficientnet_file, tmp_path_factory):
    folder = tmp_path_factory.mktemp("serving")
    vocabulary = tiny_records.VOCABULARY
    preprocessor = Preprocessor(
        vocabulary, saliency_method="unet", crop_size=32, whole_crop_size=64,
        max_tokens=12, num_plans=1,
    )
    products = [
        Product(
            product_id=str(i), image_id=str(i), image=image, text=text, category="c",
            subcategory="s", split="test",
        )
        for i, (image, text) in enumerate(zip(pictures(), TEXTS))
    ]
    config = tiny_records.tiny_config(model={"num_layers": 1})
    tf.keras.utils.set_random_seed(0)
    networks = networks_for(config, preprocessor.spec)
    rng = np.random.default_rng(1)
    for model in (networks.joint, networks.text, networks.image):
        model.set_weights(
            [w + rng.normal(0, 0.05, w.shape) for w in model.get_weights()]
        )
    reader = PictureReader(preprocessor.spec, config.model.positions)
    module = SearchModule(
        networks, preprocessor.spec, vocabulary, reader, tasks=("itm", "contrastive")
    )
    export_saved_model(module, str(folder / "export"))
    names = []
    for product, suffix in zip(products, ("jpg", "png")):
        names.append(str(folder / f"picture.{suffix}"))
        with open(names[-1], "wb") as file:
            file.write(product.image)
    client = subprocess.run(
        [sys.executable, "-c", _CLIENT, str(folder / "export"), *names],
        input=json.dumps(TEXTS), capture_output=True, text=True, cwd=folder,
        env={**os.environ, "PYTHONPATH": ""}, check=False,
    )
    assert client.returncode == 0, client.stderr[-2000:]
    answers = json.loads(client.stdout.strip().splitlines()[-1])

    # The other way: as training meets a pair.
    items = [
        item
        for _, batch in preprocessor.examples(
            lambda rows: [products[r] for r in rows], [np.arange(2)]
        )
        for item in batch
    ]
    serialized = tf.constant([item.serialized for item in items])
    batch = records.parse_examples(serialized, preprocessor.spec)
    batch = corruption.add_positions(batch, config.model.positions)
    features = corruption.clean_patches(
        batch["features"], preprocessor.spec.patch_layout
    )
    arrays = {
        "token_ids": batch["token_ids"],
        "patch_features": tf.cast(features, tf.float32),
        "patch_positions": batch["patch_positions"],
    }
    return Exported(
        networks, preprocessor.spec, arrays,
        {name: np.array(value) for name, value in answers.items()},
    )


# 40 s for all: two backbones, an export, a process that loads it.
slow = pytest.mark.slow


@slow
def test_vectors_agree_with_the_python_path(exported):
    image = exported.networks.image(
        {k: exported.arrays[k] for k in ("patch_features", "patch_positions")}
    )
    text = exported.networks.text({"token_ids": exported.arrays["token_ids"]})
    np.testing.assert_allclose(exported.answers["image"], image, atol=1e-3)
    np.testing.assert_allclose(exported.answers["text"], text, atol=1e-3)
    # A test that two different inputs could not pass.
    for vectors in (image.numpy(), text.numpy()):
        assert np.abs(vectors[0] - vectors[1]).max() > 0.01


@slow
def test_match_probabilities_agree_with_the_python_path(exported):
    networks, arrays = exported.networks, exported.arrays
    inputs = {
        **arrays,
        "masked_positions": tf.fill([2, 1], -1),
        "grey_indices": tf.zeros([2, 2], tf.int32),
        "blank_indices": tf.zeros([2, 3], tf.int32),
        "similarity": tf.reduce_sum(
            exported.answers["image"] * exported.answers["text"], axis=1
        ),
    }
    expected = tf.sigmoid(networks.joint(inputs)["itm"]).numpy()
    np.testing.assert_allclose(exported.answers["match"], expected, atol=1e-3)
    assert ((0.0 < expected) & (expected < 1.0)).all()


@slow
def test_a_picture_does_not_depend_on_the_others_of_a_request(exported):
    first, all_ = exported.answers["first"][0], exported.answers["image"][0]
    # Sums in another order may round a feature to the next half: 1.2e-5 on one CPU.
    np.testing.assert_allclose(first, all_, atol=3e-5)
    # Another picture is farther away than that.
    assert np.abs(exported.answers["image"][1] - all_).max() > 1e-2


class _Reader:
    """Stands for a reader of pictures: random features, by the length of the file."""

    variables = ()

    def __init__(self, spec):
        self._layout = spec.patch_layout
        self._size = spec.feature_size

    def __call__(self, images):
        patches = self._layout.num_patches

        def features(encoded):
            seed = tf.stack([tf.strings.length(encoded), 0])
            return tf.random.stateless_normal([patches, self._size], seed)

        shape = tf.TensorSpec([patches, self._size])
        positions = tf.zeros([tf.shape(images)[0], patches, 5])
        found = tf.map_fn(features, images, fn_output_signature=shape)
        return {"patch_features": found, "patch_positions": positions}


@pytest.fixture(scope="module")
def parts():
    """Networks, spec, vocabulary and a reader, without a backbone."""
    spec = tiny_records.tiny_spec()
    tf.keras.utils.set_random_seed(0)
    networks = networks_for(tiny_records.tiny_config(model={"num_layers": 1}), spec)
    for weight in networks.joint.weights:
        weight.assign_add(tf.random.stateless_normal(weight.shape, [0, 1]) * 0.2)
    return networks, spec, tiny_records.VOCABULARY, _Reader(spec)


IMAGES = tf.constant([b"1", b"22", b"333"])


@pytest.mark.parametrize(
    "tasks, signatures",
    [
        (("itm", "mlm"), {"serving_default"}),
        (("contrastive",), {"embed_image", "embed_text"}),
    ],
)
def test_what_was_not_trained_is_not_served(parts, tmp_path, tasks, signatures):
    module = SearchModule(*parts, tasks=tasks)
    export_saved_model(module, str(tmp_path / "export"))
    found = tf.saved_model.load(str(tmp_path / "export")).signatures
    assert set(found) == signatures


def test_a_run_that_can_serve_nothing_is_refused(parts):
    with pytest.raises(ValueError, match="nothing to serve. Received.*'mlm'"):
        SearchModule(*parts, tasks=("mlm",))


@pytest.mark.parametrize("with_context, joined", [(False, True), (True, False)])
def test_captions_are_those_of_the_generator_in_words(
    parts, tmp_path, with_context, joined
):
    networks, spec, _, reader = parts
    # Every other piece goes on with the word before it.
    pieces = (f"##{i}" if i % 2 else f"word{i}" for i in range(40))
    vocabulary = Vocabulary((*RESERVED, *pieces))
    pictures, context, texts = reader(IMAGES), None, None
    if with_context:
        levels = spec.patch_layout.levels
        known = level_means(pictures["patch_features"], levels, levels).numpy()
        texts = np.array([[5 + k, 9 + k, 0] for k in range(len(known))], np.int32)
        middle = known.mean(axis=0)
        away = known - middle
        context = CaptionContext(
            {
                "kernel": np.eye(len(middle), dtype=np.float32), "bias": -middle,
                "pictures": away / np.linalg.norm(away, axis=1, keepdims=True),
                "token_ids": texts, "product_keys": np.arange(len(known)),
            },
            spec.patch_layout,
        )
    layout = spec.patch_layout if joined else None
    generator = Generator(networks, vocabulary, copies=with_context, layout=layout)
    if joined:
        rng = np.random.default_rng(0)
        generator.evidence.set_weights(
            [rng.uniform(0.0, 1.0, w.shape) for w in generator.evidence.weights[:-1]]
            + [2.0]
        )
    module = CaptionModule(networks, spec, vocabulary, reader, generator, context)
    export_saved_model(module, str(tmp_path / "export"))
    answer = tf.saved_model.load(str(tmp_path / "export")).signatures
    captions = answer["serving_default"](images=IMAGES)["caption"].numpy()
    written = generator.generate(
        pictures["patch_features"], pictures["patch_positions"], spec.max_tokens, 4,
        # Each picture is its own most similar one.
        context_ids=texts,
    )
    expected = [Tokenizer(vocabulary).decode(row) for row in written.numpy()]
    assert [caption.decode() for caption in captions] == expected
    assert len(set(expected)) > 1 and all(expected)


@pytest.mark.parametrize(
    "inputs, joined",
    [("both", False), ("both", True), ("picture", True), ("text", True)],
)
def test_classes_are_those_of_the_classifier(parts, tmp_path, inputs, joined):
    networks, spec, vocabulary, reader = parts
    layout = spec.patch_layout if joined else None
    classifier = Classifier(networks, 3, inputs, layout)
    rng = np.random.default_rng(0)
    for layer in classifier.saved.values():
        layer.set_weights([rng.uniform(0.5, 1.5, w.shape) for w in layer.weights])
    names = [b"boots", b"coats", b"scarves"]
    module = ClassModule(*parts, classifier, names)
    export_saved_model(module, str(tmp_path / "export"))
    answer = tf.saved_model.load(str(tmp_path / "export")).signatures
    texts = tf.constant(["word1 word2", "word3", "word30 word7"])
    asked = {"images": IMAGES, "texts": texts}
    if inputs != "both":
        asked.pop({"picture": "texts", "text": "images"}[inputs])
    found = answer["serving_default"](**asked)
    batch = {
        **reader(IMAGES), "token_ids": Tokenizer(vocabulary)(texts, spec.max_tokens),
    }
    expected = tf.nn.softmax(classifier.answer(batch)).numpy()
    alone = tf.nn.softmax(classifier.logits(batch, False)).numpy()
    assert (np.abs(expected - alone).max() > 0.01) == joined
    np.testing.assert_allclose(found["probabilities"], expected, atol=1e-5)
    assert found["class"].numpy().tolist() == [names[k] for k in expected.argmax(1)]
    assert found["names"].numpy().tolist() == names


@slow
def test_weights_that_the_records_were_not_made_with_are_refused(exported):
    spec = dataclasses.replace(exported.spec, backbone_fingerprint="f" * 16)
    with pytest.raises(ValueError, match=f"{'f' * 16}. Received"):
        PictureReader(spec, "normalized")
