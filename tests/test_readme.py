"""What pages show runs: the README's Python, and the flags of all commands."""

import os
import subprocess
import sys

import pytest

from kaleido import publishing
from tests.serving.test_saved_model import pictures
from tests.shown_commands import ROOT, blocks, commands, knows
from tests.test_publishing import ABOUT
from tests.untrained_runs import CLASSES, untrained

SNIPPETS = blocks("README.md", "python")


# 40 s of processor time: the help of each binary.
@pytest.mark.slow
@pytest.mark.parametrize("page, least", [("README.md", 15), ("RESULTS.md", 2)])
def test_commands_have_the_flags_that_are_shown(page, least):
    shown = commands(page)
    assert len(shown) >= least
    for module, arguments in shown:
        for argument in arguments:
            if argument.startswith("--"):
                assert knows(module, argument), (module, argument)
    assert not knows("experiments.export", "--no_such_flag")
    assert not knows("experiments.pretrain", "--config.model.no_such_field=1")


@pytest.fixture(scope="module")
def shop(efficientnet_file, tmp_path_factory):
    """A folder with all that the snippets name, made of untrained runs."""
    folder = tmp_path_factory.mktemp("shop")

    def path(name):
        return str(folder / name)

    for name, image in zip(("shirt.jpg", "boot.jpg"), pictures()):
        (folder / name).write_bytes(image)
    runs = [untrained(path("search"))]
    runs += [untrained(path(task), task) for task in ("caption", "subcategory")]
    for published in ("runs/quickstart/published", "runs/shop/published"):
        os.makedirs(os.path.dirname(path(published)))
    publishing.publish(runs, path("runs/shop/published"), ABOUT, [])
    # Quickstart's is of the same kind.
    os.symlink(path("runs/shop/published"), path("runs/quickstart/published"))
    return folder


def printed_by(snippet, folder):
    process = subprocess.run(
        [sys.executable, "-c", snippet], cwd=folder, text=True, check=False,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""},
    )
    assert process.returncode == 0, process.stderr[-2000:]
    return process.stdout


# 50 s of processor time: three exports, and a process a snippet.
@pytest.mark.slow
def test_snippets_run(shop):
    assert len(SNIPPETS) == 2
    printed = [printed_by(snippet, shop) for snippet in SNIPPETS]
    assert "shape=(2, 2)" in printed[0]
    last = printed[1].strip().splitlines()[-1]
    assert all(name.strip(" '[]") in CLASSES for name in last.split(","))


# 15 s of processor time, beside the folder of the test above.
@pytest.mark.slow
def test_the_snippet_of_a_model_card_runs(shop):
    folder = shop / "runs" / "shop" / "published"
    (snippet,) = blocks(folder / "README.md", "python")
    assert "PATH OF THIS FOLDER" in snippet
    for part in ("embed_texts", "match", "caption", "classify"):
        assert f"model.{part}" in snippet
    snippet = snippet.replace("PATH OF THIS FOLDER", str(folder))
    lines = printed_by(snippet, shop).strip().splitlines()
    assert all(name.strip(" '[]") in CLASSES for name in lines[-1].split(","))
