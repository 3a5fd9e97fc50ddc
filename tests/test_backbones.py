"""The patch extractor computes what PyTorch computes from the same weights."""

import numpy as np
import pytest
import tensorflow as tf

from kaleido import backbones
from kaleido.chunks import in_chunks


def picture(side):
    """A picture that any framework can make: integers, no resize, no file."""
    y, x, c = np.indices((side, side, 3))
    return ((2 * y + x + 50 * c) % 256).astype(np.float32)


@pytest.fixture(scope="module")
def extractor(efficientnet_file):
    return backbones.build_feature_extractor("efficientnet_lite0", efficientnet_file)


# The 16 largest of the 1280 features, and the mean of all. Made with PyTorch
# 2.13.0 and efficientnet_lite_pytorch 0.1.0:
#   model = EfficientNet.from_pretrained(
#       "efficientnet-lite0", weights_path=..., image_size=side)
#   x = (picture(side) - 127) / 128, channels first
#   model.eval().extract_features(x[None]).mean((2, 3))[0]
PYTORCH = {
    # A side at which strides meet odd sizes.
    48: (
        {
            2: 4.8598, 7: 4.6756, 77: 4.5085, 106: 4.2604, 113: 6.0, 238: 3.2437,
            245: 3.0709, 317: 4.1991, 403: 3.8677, 425: 5.1911, 512: 3.7601,
            653: 3.1134, 944: 2.9119, 989: 2.8988, 1163: 2.9754, 1167: 4.6584,
        },
        0.1850711,
    ),
    64: (
        {
            2: 3.3571, 66: 2.6104, 106: 2.8068, 113: 5.8714, 403: 3.8415,
            425: 3.8085, 468: 2.6537, 507: 2.5334, 610: 3.5397, 646: 5.2591,
            822: 2.5537, 827: 2.6624, 944: 2.6731, 974: 2.7483, 997: 2.528,
            1167: 2.9757,
        },
        0.1282725,
    ),
    96: (
        {
            61: 2.1132, 66: 3.4208, 113: 5.6835, 285: 2.3214, 403: 4.3082,
            418: 2.8731, 425: 3.2528, 512: 2.4535, 571: 3.1219, 610: 2.529,
            747: 2.8383, 974: 3.9717, 1056: 2.6245, 1126: 3.4538, 1268: 2.4377,
            1272: 2.6142,
        },
        0.1279949,
    ),
}


@pytest.mark.parametrize("side", PYTORCH)
def test_features_are_those_that_pytorch_computed(extractor, side):
    largest, mean = PYTORCH[side]
    features = extractor(picture(side)[None]).numpy()[0]
    assert set(np.argsort(-features)[:16].tolist()) == set(largest)
    np.testing.assert_allclose(
        features[list(largest)], list(largest.values()), atol=2e-4
    )
    np.testing.assert_allclose(features.mean(), mean, atol=1e-5)


# 6 s: importing PyTorch and building its network.
@pytest.mark.slow
def test_features_agree_with_pytorch_here_and_now(extractor, efficientnet_file):
    reason = "PyTorch is in the extra `bench` only"
    torch = pytest.importorskip("torch", reason=reason)
    theirs = pytest.importorskip("efficientnet_lite_pytorch", reason=reason)
    for side in (48, 64, 80, 96, 128):
        # Its padding is fixed when it is built, too.
        model = theirs.EfficientNet.from_pretrained(
            "efficientnet-lite0", weights_path=efficientnet_file, image_size=side
        ).eval()
        pixels = (picture(side).transpose(2, 0, 1)[None] - 127) / 128
        with torch.no_grad():
            expected = model.extract_features(torch.from_numpy(pixels)).mean((2, 3))
        np.testing.assert_allclose(
            extractor(picture(side)[None]).numpy(), expected.numpy(), atol=1e-4
        )


def test_a_picture_does_not_depend_on_its_batch(extractor):
    # BatchNorms use their stored statistics, also when asked to train.
    alone = extractor(picture(64)[None], training=True)
    other = 255.0 - picture(64)
    together = extractor(np.stack([other, picture(64), other]), training=True)
    np.testing.assert_allclose(together[1], alone[0], atol=1e-4)
    assert not extractor.trainable_variables


def test_a_frozen_graph_computes_the_same(extractor):
    extract = backbones.frozen_extractor(extractor, [64])
    pixels = np.stack([picture(64), 255.0 - picture(64)])
    np.testing.assert_allclose(
        extract(tf.constant(pixels.astype(np.uint8))), extractor(pixels), atol=1e-4
    )


@pytest.mark.parametrize("rows", [0, 1, 4, 5, 11])
def test_chunks_change_nothing_but_what_is_asked_at_once(rows):
    asked = []

    @tf.function(input_signature=[tf.TensorSpec([None, 3])])
    def sums(batch):
        tf.py_function(lambda part: asked.append(len(part)), [batch], [])
        return tf.reduce_sum(batch, axis=1, keepdims=True)

    batch = np.random.default_rng(0).normal(size=(rows, 3)).astype(np.float32)
    found = tf.function(lambda b: in_chunks(sums, b, 4, 1))(tf.constant(batch))
    np.testing.assert_allclose(found, batch.sum(axis=1, keepdims=True), rtol=1e-5)
    assert sum(asked) == rows and max(asked, default=0) == min(rows, 4)


def test_the_fingerprint_changes_with_any_weight(extractor):
    before = backbones.weights_fingerprint(extractor)
    assert before == backbones.weights_fingerprint(extractor)
    weights = extractor.get_weights()
    changed = [w.copy() for w in weights]
    changed[-1].flat[-1] += 1e-3
    extractor.set_weights(changed)
    try:
        assert backbones.weights_fingerprint(extractor) != before
    finally:
        extractor.set_weights(weights)
    assert backbones.weights_fingerprint(extractor) == before


def test_weights_that_do_not_fit_are_named(extractor, monkeypatch, efficientnet_file):
    network = backbones.get_backbone("efficientnet_lite0").build()
    state = backbones.read_state_dict(efficientnet_file)

    def load(changed):
        monkeypatch.setattr(backbones, "read_state_dict", lambda path: changed)
        backbones._load_efficientnet_lite0(network, "some.pth")

    with pytest.raises(ValueError, match="some.pth.*extra.weight"):
        load({**state, "extra.weight": np.zeros(3, np.float32)})
    first = next(iter(state))
    with pytest.raises(ValueError, match=first):
        load({**state, first: state[first][:, :, :2]})


# 5 s: builds a ResNet-50 twice.
@pytest.mark.slow
def test_resnet50_expects_what_keras_weights_were_trained_on(tmp_path):
    network = backbones.get_backbone("resnet50").build()
    path = str(tmp_path / "resnet50.h5")
    network.save_weights(path)
    ours = backbones.build_feature_extractor("resnet50", path)
    pixels = picture(64)[None]
    prepared = tf.keras.applications.resnet50.preprocess_input(pixels.copy())
    expected = network(prepared, training=False).numpy().mean((1, 2))
    np.testing.assert_allclose(ours(pixels), expected, rtol=1e-4, atol=1e-4)
    assert ours.output_shape == (None, backbones.get_backbone("resnet50").feature_size)


def test_errors_say_what_was_received():
    with pytest.raises(ValueError, match="alexnet"):
        backbones.get_backbone("alexnet")
    with pytest.raises(ValueError, match="backbone_weights=FILE.*no weights"):
        backbones._load_resnet50(None, None)


def test_stages_stand_behind_the_last_layer_in_equal_lengths(efficientnet_file):
    name = "efficientnet_lite0_stages"
    staged = backbones.build_feature_extractor(name, efficientnet_file)
    plain = backbones.build_feature_extractor("efficientnet_lite0", efficientnet_file)
    pictures = np.stack([picture(64), np.full((64, 64, 3), 200, np.float32)])
    vectors = staged(pictures).numpy()
    assert vectors.shape[1] == backbones.BACKBONES[name].feature_size == 2176
    np.testing.assert_allclose(vectors[:, :1280], plain(pictures), atol=1e-5)
    # By hand: mean and deviation of the first stage, which has 24 channels.
    network = backbones.BACKBONES[name].build()
    backbones.BACKBONES[name].load(network, efficientnet_file)
    first = tf.keras.Model(network.input, network.get_layer("block2b_add").output)
    states = first((pictures - 127) / 128, training=False).numpy()
    assert states.shape == (2, 16, 16, 24)
    for part, expected in (
        (vectors[:, 1280:1304], states.mean((1, 2))),
        (vectors[:, 1304:1328], states.std((1, 2))),
    ):
        length = np.sqrt((expected**2).mean(1, keepdims=True))
        np.testing.assert_allclose(part, 0.3 * expected / length, atol=1e-3)
    lengths = [
        np.sqrt((part**2).mean(1))
        for part in np.split(vectors[:, 1280:], np.cumsum(np.repeat(
            [24, 40, 80, 112, 192], 2))[:-1], axis=1)
    ]
    np.testing.assert_allclose(lengths, 0.3, atol=2e-3)
