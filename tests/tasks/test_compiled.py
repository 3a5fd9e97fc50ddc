"""XLA changes the speed of a task and nothing else."""

import numpy as np
import pytest
import tensorflow as tf

from kaleido import optimizers
from tests import tiny_records
from tests.tasks.tiny_tasks import first_batch, make_task


# 10 s of processor time, most of it XLA's.
@pytest.mark.slow
@pytest.mark.parametrize("name", ["itr", "subcategory", "caption"])
def test_compiled_passes_give_the_same_losses_and_gradients(tmp_path, name):
    records = tiny_records.write_tiny_records(str(tmp_path), train=16, validation=8)
    task = make_task(name, records)
    batch = first_batch(task)

    @tf.function
    def losses_and_gradients():
        with tf.GradientTape() as tape:
            losses = {k: v.loss for k, v in task.losses_of(batch, False).items()}
        variable = task.joint.get_layer("layer_0").trainable_variables[0]
        return losses, tape.gradient(losses, variable)

    plain, gradient = losses_and_gradients()
    task.compile(optimizers.make_optimizer(task.config.training), jit_compile=True)
    assert all(function._jit_compile for function in task.passes.values())
    compiled, again = tf.function(losses_and_gradients.python_function)()
    for key, value in plain.items():
        np.testing.assert_allclose(compiled[key], value, rtol=1e-4)
    np.testing.assert_allclose(again, gradient, rtol=1e-3, atol=1e-5)
