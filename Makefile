# Every target sets up what it needs; see README.md.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
MODALITY ?= CT
TEST_PROCESSES ?= 2
SECONDS ?= 120
SEED ?= 1
export CMAKE_ARGS ?= -DFORCE_DISABLE_CUDA=ON

.DEFAULT_GOAL := help
.PHONY: help install run demo test check audit format bench chaos metamorphic peers clean

help: ## show the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/.service: requirements/service.lock pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/service.lock
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	touch $@

$(VENV)/.all: requirements/all.lock requirements/cnn.lock requirements/torch-cpu.lock $(VENV)/.service
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/all.lock
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps -r requirements/cnn.lock
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps -r requirements/torch-cpu.lock \
		|| { echo "no CPU build of torch here: taking PyPI's"; $(BIN)/python -m pip install --quiet "torch==2.13.0"; }
	touch $@

install: $(VENV)/.all ## .venv with everything

run: $(VENV)/.service ## install what the service needs and serve
	$(BIN)/trabecula serve

demo: $(VENV)/.service ## a phantom study through the whole service, and its result; MODALITY=MR for T1 and T2
	$(BIN)/trabecula demo --modality $(MODALITY)

peers: ## what the tests drive: Debian packages (root and apt needed) and the OHIF viewer (npm); otherwise says so
	deploy/install-test-peers.sh
	deploy/install-viewer.sh

test: $(VENV)/.all peers ## all tests: in two processes, then alone those that measure time or memory
	$(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist loadgroup --no-loadscope-reorder -m "not serial"
	$(BIN)/python -m pytest -m serial

check: $(VENV)/.all ## format, lint with bandit's rules, types, imports
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.all ## rewrite to the house format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

audit: ## known vulnerabilities of the service's dependencies, where the advisory database can be reached
	$(PYTHON) -m venv $(VENV)/audit
	$(VENV)/audit/bin/python -m pip install --quiet pip-audit
	$(VENV)/audit/bin/pip-audit --disable-pip --require-hashes -r requirements/service.lock

bench: $(VENV)/.all ## ratios, side by side, into bench/results
	$(BIN)/python -m bench

chaos: $(VENV)/.all peers ## kills by seed under load, and a checker of the histories: SECONDS=600 SEED=1
	$(BIN)/python -m tests.system.chaos.run --seconds $(SECONDS) --seed $(SEED)

metamorphic: $(VENV)/.all peers ## 20,000 varied scans through reading, 200 through to the SR (about two hours on one core)
	TRABECULA_EXAMPLES=10000 TRABECULA_REPORTS=200 $(BIN)/python -m pytest -s --timeout 0 tests/metamorphic

clean: ## remove the virtual environment
	rm -rf $(VENV)
