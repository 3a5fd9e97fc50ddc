"""What `auto` is, by processor and GPU."""

import pytest
import tensorflow as tf

from kaleido import precision, processor
from kaleido.config import TrainingConfig
from kaleido.presets import preset

_AVX2 = "model name\t: a processor\nflags\t\t: fpu sse4_2 avx2 fma\n"
_AVX512 = "flags\t\t: avx2 avx512f avx512_vnni\n"
_AMX = "processor\t: 0\nflags\t\t: avx2 avx512f amx_bf16 amx_tile\nbugs\t\t: none\n"


@pytest.fixture(autouse=True)
def float32_afterwards():
    yield
    tf.keras.mixed_precision.set_global_policy("float32")


def on_cpu(monkeypatch, description):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    monkeypatch.setattr(processor, "_description", lambda: description)


def on_gpus(monkeypatch, *details):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: list(details))
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda gpu: gpu)


@pytest.mark.parametrize(
    "description, policy",
    [
        (_AVX2, "float32"), (_AVX512, "float32"), (_AMX, "mixed_bfloat16"),
        (_AVX512.replace("vnni", "bf16"), "mixed_bfloat16"), ("", "float32"),
        # A name in another line is no arithmetic.
        (_AVX2 + "bugs\t: amx_bf16\n", "float32"),
    ],
)
def test_auto_is_bfloat16_where_the_processor_has_it(monkeypatch, description, policy):
    on_cpu(monkeypatch, description)
    precision.set_precision("auto")
    assert tf.keras.mixed_precision.global_policy().name == policy


@pytest.mark.parametrize(
    "capabilities, policy",
    [
        ([(8, 0)], "mixed_bfloat16"), ([(7, 0)], "float32"),
        ([(9, 0), (7, 5)], "float32"),
    ],
)
def test_auto_is_bfloat16_where_all_gpus_have_it(monkeypatch, capabilities, policy):
    on_gpus(monkeypatch, *({"compute_capability": pair} for pair in capabilities))
    precision.set_precision("auto")
    assert tf.keras.mixed_precision.global_policy().name == policy


def test_a_policy_that_was_asked_for_is_taken(monkeypatch):
    on_cpu(monkeypatch, _AVX2)
    precision.set_precision("mixed_bfloat16")
    assert tf.keras.mixed_precision.global_policy().name == "mixed_bfloat16"


def test_whole_float32_comes_and_goes():
    short = tf.config.experimental.tensor_float_32_execution_enabled
    precision.set_precision("mixed_bfloat16")
    for before in (True, False):
        tf.config.experimental.enable_tensor_float_32_execution(before)
        with pytest.raises(RuntimeError), precision.whole_float32():
            assert tf.keras.mixed_precision.global_policy().name == "float32"
            assert not short()
            raise RuntimeError("as any error")
        assert tf.keras.mixed_precision.global_policy().name == "mixed_bfloat16"
        assert short() == before
    tf.config.experimental.enable_tensor_float_32_execution(True)


def test_the_small_preset_leaves_it_to_the_device():
    assert preset("small").training.precision == "auto"
    with pytest.raises(ValueError, match="precision.*half"):
        TrainingConfig(precision="half")


def test_a_configuration_says_what_it_is_here(monkeypatch):
    small = preset("small")
    found = {}
    for name, description in (("old", _AVX2), ("new", _AMX)):
        on_cpu(monkeypatch, description)
        found[name] = precision.on_this_device(small)
        # What was asked for by name stays.
        assert precision.on_this_device(preset("paper")) == preset("paper")
    assert found["old"].training.precision == "float32"
    assert found["new"].training.precision == "mixed_bfloat16"
    assert found["old"].model == small.model and found["old"] != found["new"]
