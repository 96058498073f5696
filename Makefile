# `make help` lists the targets. Each installs what it needs first, but for Debian's make and python3-venv, and Go.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest
CLUSTER := hack/cluster
# Tests are many processes: what one of them compiles, the others need not.
export PYTHONDONTWRITEBYTECODE :=
# Each of these would disturb what runs beside it: nodes or the operator go away in them, or devices must be free.
ALONE := $(addprefix tests/e2e/test_,example.py kill.py drain.py lost_node.py upgrade.py)
# What takes long begins first, so that no worker is left with it at the end. A log that a node rotates away comes late,
# when little else is read.
LONG_E2E := $(addprefix tests/e2e/test_,triage.py outcomes.py edit.py bad_input.py suspend.py)
BESIDE := $(LONG_E2E) $(filter-out $(ALONE) $(LONG_E2E),$(wildcard tests/e2e/test_*.py))

.PHONY: help setup generate verify lint format tools test test-unit test-here test-browser explore life test-plane test-api test-faults kill-points e2e e2e-alone e2e-beside demo bench bench-quick clean cluster-up cluster-bare cluster-down

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(VENV)/ready: requirements/dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "make: $(PYTHON) is older than 3.11; set PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "make: $(PYTHON) cannot make virtual environments; apt-get install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index --editable .
	@touch $@

setup: $(VENV)/ready ## Make the virtual environment from the hashed lock file

generate: setup ## Write what is generated: CRDs, their chart, the API reference
	$(BIN)/python hack/generate

verify: setup ## Fail where a generated file is not what its source says, or a rule names no test
	$(BIN)/python hack/generate --check
	$(BIN)/python hack/check_rules

lint: setup ## ruff, mypy --strict, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: setup ## Put every file into the project's form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

cluster-up: ## Start the local Kubernetes (2 real nodes, 2 fake ones); builds it the first time
	$(CLUSTER) up --nodes 2 --fake-nodes 2

cluster-down: ## Stop it and leave nothing behind
	$(CLUSTER) down

test: setup tools cluster-bare ## All tests: unit, property, golden, browser, contract, apiserver, faults, e2e
	# What runs on real nodes one after the other mostly waits, and leaves the machine to what needs no cluster.
	$(MAKE) --no-print-directory -j2 test-here e2e-alone
	$(MAKE) --no-print-directory e2e-beside test-plane

tools: # built outside of the tests, whose time is limited
	@$(CLUSTER) bin helm >/dev/null

test-unit: setup tools ## What needs no cluster
	nice $(PYTEST) tests/unit tests/property tests/golden -n 2 --dist worksteal

test-here: test-unit # before the pages, which take less
	@$(MAKE) --no-print-directory test-browser

test-browser: setup ## Pages in the system's Chromium
	nice $(PYTEST) tests/browser

explore: setup ## Property tests with examples that nobody has seen yet
	BATCHMATRIX_EXAMPLES=explore $(PYTEST) tests/property --deselect tests/property/test_life.py -n 2

life: setup ## Histories in which everything goes wrong, in simulated time: STEPS=1000000 SEED=7
	BATCHMATRIX_LIFE_STEPS=$(or $(STEPS),100000) BATCHMATRIX_LIFE_SEED=$(or $(SEED),1) BATCHMATRIX_LIFE_QUEUES=$(QUEUES) $(PYTEST) tests/property/test_life.py -n 2

cluster-bare: cluster-up # tests bring their own operator
	hack/demo --remove

# Each file stays with one process, which has one S3 server and one reference.
PLANE := $(PYTEST) -n 6 --dist loadfile --no-loadscope-reorder
LONG_API := tests/contract/test_log_source.py $(addprefix tests/apiserver/test_,operator.py operations.py same_refusals.py)
API := $(filter-out $(LONG_API),$(wildcard tests/apiserver/test_*.py tests/contract/test_*.py))
LONG_FAULTS := $(addprefix tests/faults/test_,requests.py watches.py kills_api.py kills_store.py replicas.py restarts.py row_12_store_faults.py)
FAULTS := $(filter-out $(LONG_FAULTS),$(wildcard tests/faults/test_*.py)) tests/faults/small_world

test-plane: setup cluster-bare ## Contract, apiserver and faults rings on a real control plane
	$(PLANE) $(LONG_FAULTS) $(LONG_API) $(FAULTS) $(API)
	$(PYTEST) tests/faults/alone

test-api: setup cluster-bare ## Contract and apiserver rings alone
	$(PLANE) $(LONG_API) $(API)

test-faults: setup cluster-bare ## Kills, outages and lies on a real control plane with fake nodes
	$(PLANE) $(LONG_FAULTS) $(FAULTS)
	$(PYTEST) tests/faults/alone

kill-points: setup cluster-bare ## SIGKILL at every call of a small matrix, and at a hundred random ones (hours)
	$(PYTEST) tests/faults/kill_points.py -n 2 -rP

e2e: e2e-alone e2e-beside ## Real pods: operator installed by Helm, S3 in the cluster

e2e-alone: setup cluster-bare
	# The example has the devices to itself, as its trials must overlap; its installation stays for the others.
	# The operator is killed beside nobody: what it follows for others and has not sealed would be lost with it.
	# A node that is drained or silent would take other tests' pods along.
	BATCHMATRIX_E2E_KEEP=1 $(PYTEST) $(ALONE)

e2e-beside: setup
	$(PYTEST) $(BESIDE) -n 5 --dist loadfile --no-loadscope-reorder

demo: setup ## The main job end to end on a real cluster, with its result
	$(BIN)/python hack/demo

bench: setup cluster-bare ## Speed, memory and API cost beside a floor, and how often verdicts are right
	$(BIN)/python hack/bench

bench-quick: setup $(if $(KUBECONFIG),,cluster-bare) ## 1,000 cells beside the floor, on the cluster of KUBECONFIG if that is set
	$(BIN)/python hack/bench --quick

clean: ## Remove the virtual environment and caches of the checkout (the cluster's caches stay)
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
	find . -name __pycache__ -type d -not -path './.git/*' -exec rm -rf {} +
