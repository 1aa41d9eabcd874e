# One environment for everything: `.venv`, installed from requirements.lock with stock pip and
# checked hashes. It is rebuilt only when the content of the lock changes.
PYTHON ?= python3
BIN := .venv/bin
# Where the cortex data are looked for first; see experiments/data/cortex.py.
ifneq ($(wildcard ../shared/data/tasic2016),)
export LOGLIN_DATA_DIR ?= ../shared/data/tasic2016
endif

.DEFAULT_GOAL := help
.PHONY: help demo paper paper-small test test-deep fuzz mutants bench docs lint lock clean

help:  ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: .venv/requirements.lock  ## a study of the paper, and a page on a file, here of simulated cells
	@$(BIN)/python -m experiments training-progress --num-epochs 200 --seeds 5
	@$(BIN)/python -m experiments.data.stairs results/stair-cells.h5ad
	@$(BIN)/python -m experiments explore results/stair-cells.h5ad --labels stage

paper: .venv/requirements.lock  ## the studies at the paper's size, on two cores; goes on where it was stopped
	@$(BIN)/python -m experiments paper --workers 2

paper-small: .venv/requirements.lock  ## a reduced version of each
	@$(BIN)/python -m experiments paper --small --workers 2

# ONLY=loglin/selection runs the tests of one folder with its examples; DURATIONS=20 lists the slowest.
TESTS = $(if $(ONLY),$(wildcard tests/$(ONLY) $(ONLY)))
PYTEST = $(BIN)/python -m pytest --numprocesses logical --dist loadgroup --no-loadscope-reorder $(TESTS) \
  $(if $(DURATIONS),--durations $(DURATIONS))

test: .venv/requirements.lock  ## the tests; ONLY=loglin/selection: of one folder; DURATIONS=20: the slowest
	@$(PYTEST)

test-deep: .venv/requirements.lock  ## the same with more seeds and larger samples, and the long ones
	@LOGLIN_TEST_DEEP=1 $(PYTEST)

fuzz: .venv/requirements.lock  ## five minutes of random input, the same each time
	@$(BIN)/python -m tests.fuzz --minutes 5

# FULL=1 tries all mutants, for days; FILES="loglin/text.py models" those of files or folders.
mutants: .venv/requirements.lock  ## would the tests notice a changed operator or number? a sample
	@$(BIN)/python -m tests.mutants $(FILES) $(if $(FULL),--full)

bench: .venv/requirements.lock  ## speed against peers, as ratios; writes docs/measured
	@$(BIN)/python -m benchmarks.selection
	@NPROC=1 OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.log_linear
	@NPROC=1 OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.models

docs: .venv/requirements.lock  ## the documentation site, with executed notebooks
	@$(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet docs docs/_build/html
	@echo "$(CURDIR)/docs/_build/html/index.html"

lint: .venv/requirements.lock  ## ruff, mypy, and the import contract
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

lock:  ## resolve requirements.lock anew from pyproject.toml, without scanpy (needs uv)
	uv pip compile --universal --generate-hashes --extra cells --extra cluster --extra data --extra dev --extra docs --fork-strategy fewest \
	  --python-version 3.11 --no-header --upgrade pyproject.toml -o requirements.lock

clean:  ## remove the environment, caches and results
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis results docs/_build docs/reference/generated

# The copy of the lock inside .venv is written last, so an interrupted installation starts again.
.venv/requirements.lock: requirements.lock
	@if cmp -s $< $@; then touch $@; else \
	  $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, found " + sys.version.split()[0] + "; name another one with `make PYTHON=...`")' && \
	  echo "setting up .venv (one or two minutes, 1.6 GB)" && \
	  $(PYTHON) -m venv --clear .venv && \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $< && \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . && \
	  cp $< $@; fi
