# Everything a fresh machine needs is installed by the targets below: `make demo` and `make test` work on a new clone.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
export PATH := $(abspath $(BIN)):$(PATH)

.PHONY: help
help: ## show the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

.PHONY: setup
setup: $(STAMP) ## create .venv and install everything into it

$(STAMP): requirements.txt pyproject.toml
	@test -x $(BIN)/uv || { $(PYTHON) -m venv $(VENV) && $(BIN)/python -m pip install --quiet uv; }
	@# The CPU build of torch is a tenth of the size. Where its index does not answer, PyPI's build (CUDA) works on a CPU too.
	@torch=$$(grep -oE '^torch==[0-9.]+' requirements.txt); \
	$(BIN)/python -c 'import importlib.metadata as m, sys; sys.exit(m.version("torch").split("+")[0] != sys.argv[1])' "$${torch#torch==}" 2>/dev/null \
	|| UV_HTTP_TIMEOUT=10 UV_HTTP_RETRIES=0 $(BIN)/uv pip install --quiet --python $(BIN)/python --torch-backend cpu "$$torch" 2>/dev/null \
	|| echo "PyTorch's CPU index does not answer: installing torch from PyPI (larger, works on CPU too)"
	$(BIN)/uv pip install --quiet --python $(BIN)/python -r requirements.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -e .
	@touch $@

.PHONY: lock
lock: ## compile requirements.txt anew from pyproject.toml (torch's GPU libraries are torch's own affair)
	$(BIN)/uv pip compile --quiet --universal --all-extras --no-emit-index-url --no-header --upgrade \
	  $$(sed -nE 's/^(# )?((nvidia|cuda|triton)[a-z0-9-]*)(==.*)?$$/--no-emit-package \2/p' requirements.txt) \
	  pyproject.toml -o requirements.txt

.PHONY: demo
demo: $(STAMP) ## a CartPole sweep of 12 runs, 2 in parallel, on this machine
	@bash scripts/demo

.PHONY: test
OUTAGE := tests/cluster/test_operator_outage.py
test: $(STAMP) ## all tests
	@# its minutes without an API server are spent waiting: beside the tests that need no cluster
	@$(BIN)/pytest -p no:xdist $(OUTAGE) > $(VENV)/outage.log 2>&1 & \
	status=0; $(BIN)/pytest -n 2 --ignore tests/cluster --ignore tests/kube/test_cluster_kube.py || status=$$?; \
	wait $$! || status=$$?; cat $(VENV)/outage.log; exit $$status
	@# one cluster, and nothing beside it on a small machine
	$(BIN)/pytest -p no:xdist --deselect $(OUTAGE) tests/cluster tests/kube/test_cluster_kube.py

.PHONY: e2e
e2e: $(STAMP) ## real containers on a real node (root on Linux), or on the cluster of KUBECONFIG
	@test -z "$${KUBECONFIG:-}" || echo "on the cluster of KUBECONFIG, context $$(kubectl config current-context)"
	$(BIN)/pytest -p no:xdist tests/e2e

.PHONY: lint
lint: $(STAMP) ## ruff, mypy --strict, the dependency rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: format
format: $(STAMP) ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: generate
generate: $(STAMP) ## everything that is generated from the models
	$(BIN)/python -m sweep_operator.api.generate

.PHONY: cluster-binaries
cluster-binaries: $(STAMP) ## the binaries of the test cluster: downloaded and checked, or built by Go where downloads are refused
	$(BIN)/python -m tests.cluster.fetch

.PHONY: bench
bench: $(STAMP) ## the benchmarks (by hand: wall time depends on the machine)
	$(BIN)/python -m tests.bench.suggest_latency
	$(BIN)/python -m tests.bench.cluster

.PHONY: clean
clean: ## remove .venv and the results of the demo
	rm -rf $(VENV) train_dir
