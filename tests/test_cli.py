"""Tests of what the binaries share."""

import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest
from absl import flags
from ml_collections import config_flags

from kaleido.cli import (
    beside_binary,
    fail_clearly,
    parse_config_flags,
    run_binary,
)


def test_a_configuration_beside_its_binary_is_found_from_anywhere(
    tmp_path, monkeypatch
):
    from experiments import quickstart

    root = os.path.dirname(os.path.dirname(os.path.abspath(quickstart.__file__)))
    monkeypatch.chdir(root)
    shown = "experiments/configs/quickstart.py"
    assert beside_binary(quickstart.__file__, "configs", "quickstart.py") == shown
    monkeypatch.chdir(tmp_path)
    found = beside_binary(quickstart.__file__, "configs", "quickstart.py")
    assert os.path.samefile(found, os.path.join(root, shown))


def test_a_configuration_that_refuses_its_argument_is_one_line(monkeypatch, capsys):
    def line_of(*arguments):
        values = flags.FlagValues()
        config_flags.DEFINE_config_file("config", flag_values=values)
        monkeypatch.setattr("kaleido.cli.flags.FLAGS", values)
        # Where the library looks for the fields.
        monkeypatch.setattr(sys, "argv", ["binary", *arguments])
        with pytest.raises(SystemExit) as exit_:
            parse_config_flags(sys.argv)
        assert exit_.value.code == 1
        (line,) = capsys.readouterr().err.splitlines()
        return line

    config = "--config=experiments/configs/preset.py"
    line = line_of(f"{config}:smal")
    assert line.startswith("ERROR: --config: The preset must be one of")
    assert line.endswith("Received: 'smal'")
    line = line_of(f"{config}:small", "--config.training.step=3")
    assert line.endswith("no field 'step'. Received: --config.training.step")
    line = line_of(f"{config}:small", "--config.step=3")
    assert line.endswith("no field 'step'. Received: --config.step")


def test_a_missing_file_is_said_with_the_flag_that_asked_for_it(
    monkeypatch, capsys, tmp_path
):
    values = flags.FlagValues()
    for name in ("records", "manifest"):
        flags.DEFINE_string(name, "", "A path.", flag_values=values)
    values(["binary", f"--records={tmp_path}", f"--manifest={tmp_path}/m.json"])
    monkeypatch.setattr("kaleido.cli.flags.FLAGS", values)

    @fail_clearly
    def main(path):
        open(path)

    for name, flag in (("m.json", "manifest"), ("x", "records")):
        path = f"{tmp_path}/{name}"
        with pytest.raises(SystemExit):
            main(path)
        expected = f"ERROR: --{flag}: No such file or directory. Received: {path!r}\n"
        assert capsys.readouterr().err == expected


def test_a_binary_that_fails_is_named():
    with pytest.raises(ValueError, match="timeit failed with exit code"):
        run_binary("timeit", "1 / 0")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_job_leaves_no_child_behind(tmp_path, number):
    started = tmp_path / "child"
    child = f"import os, time; open({str(started)!r}, 'w').write(str(os.getpid()))"
    script = f"""
        from kaleido.cli import run_binary
        run_binary("timeit", "-n1", "-r1", "-s", {child!r}, "time.sleep(60)")
    """
    parent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)],
        # What a script starts in its background ignores SIGINT, and so would this.
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),
    )
    _wait_until(lambda: started.exists() and started.read_text())
    pid = int(started.read_text())
    assert _is_alive(pid)
    parent.send_signal(number)
    assert parent.wait(timeout=30) != 0
    _wait_until(lambda: not _is_alive(pid))


def _is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _wait_until(condition, seconds=30):
    end = time.time() + seconds
    while not condition():
        assert time.time() < end
        time.sleep(0.05)
