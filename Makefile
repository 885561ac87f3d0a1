# The targets install everything that they need: `make demo` and `make test` work on a fresh clone.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PAGE := $(VENV)/.page
export PATH := $(abspath $(BIN)):$(PATH)

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

.PHONY: setup
setup: $(STAMP) $(PAGE) ## create .venv, install everything into it, and build the page

$(STAMP): requirements.txt pyproject.toml
	@test -x $(BIN)/uv || { $(PYTHON) -m venv $(VENV) && $(BIN)/python -m pip install --quiet uv; }
	@# The CPU build of torch is a tenth of the size. If its index is unreachable, PyPI's build (CUDA) works on a CPU too.
	@torch=$$(grep -oE '^torch==[0-9.]+' requirements.txt); \
	$(BIN)/python -c 'import importlib.metadata as m, sys; sys.exit(m.version("torch").split("+")[0] != sys.argv[1])' "$${torch#torch==}" 2>/dev/null \
	|| UV_HTTP_TIMEOUT=10 UV_HTTP_RETRIES=0 $(BIN)/uv pip install --quiet --python $(BIN)/python --torch-backend cpu "$$torch" 2>/dev/null \
	|| echo "PyTorch's CPU index is unreachable: installing torch from PyPI (larger, also works on a CPU)"
	$(BIN)/uv pip install --quiet --python $(BIN)/python -r requirements.txt
	$(BIN)/python web/build.py
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -e .
	@touch $@

# The page: built again if its sources have changed. Node.js comes from PyPI.
$(PAGE): $(STAMP) $(shell find web -type f -not -path 'web/node_modules/*')
	$(BIN)/python web/build.py
	@touch $@

.PHONY: lock
lock: ## update requirements.txt from pyproject.toml (without torch's GPU libraries, which torch pins itself)
	$(BIN)/uv pip compile --quiet --universal --all-extras --no-emit-index-url --no-header --upgrade \
	  $$(sed -nE 's/^(# )?((nvidia|cuda|triton)[a-z0-9-]*)(==.*)?$$/--no-emit-package \2/p' requirements.txt) \
	  pyproject.toml -o requirements.txt

.PHONY: demo
demo: $(STAMP) ## run an Acrobot sweep of at most 12 runs, 2 in parallel, on this machine
	@bash scripts/demo

# Unit, property and conformance levels (tests/README.md); what starts servers, browsers or trainings is in `make test`.
CHECKED := $(addprefix tests/,api config decide docs engine exchange kube kubectl manifests protein release report runtime sandbox suggest)
.PHONY: check
check: $(PAGE) lint ## run lint and the fast tests (about three minutes)
	$(BIN)/pytest -n 2 -m "not slow" --ignore tests/kube/test_cluster_kube.py $(CHECKED)

.PHONY: test
OUTAGE := tests/cluster/test_operator_outage.py
SKIPPED := $(abspath $(VENV))/skipped-tests
test: export SWEEP_TESTS_SKIPPED := $(SKIPPED)
test: $(STAMP) $(PAGE) ## run all tests
	@rm -f $(SKIPPED)
	@test -n "$${KUBEBUILDER_ASSETS:-}" || $(BIN)/python -m tests.cluster.fetch --downloads
	@# this test mostly waits for an unavailable API server, so it runs next to the tests without a cluster
	@$(BIN)/pytest -p no:xdist $(OUTAGE) > $(VENV)/outage.log 2>&1 & \
	status=0; $(BIN)/pytest -n 2 --ignore tests/cluster --ignore tests/kube/test_cluster_kube.py || status=$$?; \
	wait $$! || status=$$?; cat $(VENV)/outage.log; exit $$status
	@# one cluster for each of two processes, and nothing else, because the machine may be small
	$(BIN)/pytest -n 2 --dist loadfile --deselect $(OUTAGE) tests/cluster tests/kube/test_cluster_kube.py
	@test ! -s $(SKIPPED) || echo "$$(wc -l <$(SKIPPED)) tests were skipped because the test cluster's binaries are" \
	  "missing; run \`make cluster-binaries\` (it builds them if downloads are blocked), then \`make test\`"

SECONDS ?= 1200
.PHONY: fuzz
fuzz: $(STAMP) ## run random schedules of faults and user actions over the engine for SECONDS (at least 2,000 of them)
	$(BIN)/python -m tests.fuzz --seconds $(SECONDS) --first $${FIRST:-0}

TORCH ?= 2.6.0
TORCH_VENV := .venv-torch-$(TORCH)
.PHONY: test-torch
test-torch: $(STAMP) ## run the optimizer's tests with another version of torch (TORCH=2.6.0, the oldest supported)
	@test -x $(TORCH_VENV)/bin/python || $(BIN)/uv venv --quiet --python $(BIN)/python $(TORCH_VENV)
	@grep -vE '^torch==' requirements.txt >$(TORCH_VENV)/constraints.txt
	$(BIN)/uv pip install --quiet --python $(TORCH_VENV)/bin/python -c $(TORCH_VENV)/constraints.txt torch==$(TORCH) ".[all,dev]"
	$(TORCH_VENV)/bin/python -m pytest -n 2 tests/protein --deselect tests/protein/test_wandb_protein.py

.PHONY: e2e
e2e: $(STAMP) ## run the tests with real containers on a real node (root on Linux), or on the cluster of KUBECONFIG
	@test -z "$${KUBECONFIG:-}" || echo "on the cluster of KUBECONFIG, context $$(kubectl config current-context)"
	$(BIN)/pytest -p no:xdist tests/e2e

.PHONY: lint
lint: $(STAMP) ## run ruff, mypy --strict, the import rules, and tsc and biome on the page
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python web/build.py run --silent lint

.PHONY: format
format: $(STAMP) ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/python web/build.py run --silent format

.PHONY: generate
generate: $(STAMP) ## write the files that are generated from the models
	$(BIN)/python -m dev.generate

.PHONY: docs
docs: $(STAMP) ## build the documentation: build/site/index.html (a warning is an error)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

.PHONY: cluster-binaries
cluster-binaries: $(STAMP) ## download and verify the binaries of the test cluster, or build them with Go if downloads are blocked
	$(BIN)/python -m tests.cluster.fetch

include make/release.mk make/kind.mk

# The other optimizers of the benchmarks have their own environment, because they are not dependencies of this project.
BENCH_VENV ?= .venv-bench
BENCH_BIN := $(BENCH_VENV)/bin
BENCH_STAMP := $(BENCH_VENV)/.installed
# logei, ei-per-second, sobol and asha can be added; the first two take as long as Protein.
# BENCH_SURROGATES: see tests/bench/README.md
BENCH_PEERS ?= ours,random,tpe,cma,optuna-gp
BENCH_TASKS ?= core,hartmann6@8
BENCH_SEEDS ?= 5
BENCH_MINUTES ?= 10
BENCH_PROCS ?= 2
BENCH_RUNS ?= train_dir/bench/optimizer.jsonl
# files of earlier runs to include in the report
BENCH_STORED ?=

$(BENCH_STAMP): tests/bench/optimizer/requirements.txt requirements.txt $(STAMP)
	@test -x $(BENCH_BIN)/python || $(BIN)/uv venv --quiet --python $(BIN)/python $(BENCH_VENV)
	@# the build of torch that setup installed
	@$(BIN)/uv pip freeze --quiet --python $(BIN)/python | grep -E '^torch==.*[+]cpu$$' >$(BENCH_VENV)/torch.txt \
	&& $(BIN)/uv pip install --quiet --python $(BENCH_BIN)/python --torch-backend cpu -r $(BENCH_VENV)/torch.txt || true
	$(BIN)/uv pip install --quiet --python $(BENCH_BIN)/python -r requirements.txt -r tests/bench/optimizer/requirements.txt
	@touch $@

# The oldest W&B SDK that pyproject.toml allows, in its own directory. A test fixture creates it if it is missing.
WANDB_OLDEST := .venv-wandb-oldest
WANDB_OLDEST_VERSION := $(shell sed -nE 's/.*"wandb>=([0-9.]+).*/\1/p' pyproject.toml)
WANDB_OLDEST_STAMP := $(WANDB_OLDEST)/.installed-$(WANDB_OLDEST_VERSION)

$(WANDB_OLDEST_STAMP):
	@rm -rf $(WANDB_OLDEST) && mkdir $(WANDB_OLDEST)
	@grep -E '^[a-z].*==' requirements.txt | grep -v '^wandb==' >$(WANDB_OLDEST)/constraints.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --target $(WANDB_OLDEST) \
	  -c $(WANDB_OLDEST)/constraints.txt wandb==$(WANDB_OLDEST_VERSION)
	@touch $@

.PHONY: wandb-oldest
wandb-oldest: $(WANDB_OLDEST_STAMP) ## install the oldest supported W&B SDK for its tests (needs setup)

.PHONY: bench
bench: $(BENCH_STAMP) $(PAGE) ## run the benchmarks (by hand, because wall time depends on the machine)
	$(BENCH_BIN)/python -m tests.bench.latency --out docs/optimizer-latency.md
	$(BIN)/python -m tests.bench.tracking
	$(BIN)/python -m tests.bench.history
	$(BIN)/python -m tests.bench.status
	$(BIN)/python -m tests.bench.table
	$(BIN)/python -m tests.bench.scale passes
	$(BIN)/python -m tests.bench.scale fair
	$(BIN)/python -m tests.bench.scale idle
	$(BIN)/python -m tests.bench.scale day
	$(BIN)/python -m tests.bench.local --runs 1000
	$(BIN)/python -m tests.bench.page
	$(BIN)/python -m tests.bench.page_browser
	$(BIN)/python -m tests.bench.cluster
	$(BIN)/python -m tests.bench.cluster.tenants

.PHONY: bench-optimizer
bench-optimizer: $(BENCH_STAMP) ## compare Protein with other optimizers in ten minutes (BENCH_MINUTES, _SEEDS, _TASKS, _PEERS); resumes if repeated
	$(BENCH_BIN)/python -m tests.bench.optimizer.run --tasks $(BENCH_TASKS) --peers $(BENCH_PEERS) --seeds $(BENCH_SEEDS) \
	  --minutes $(BENCH_MINUTES) --procs $(BENCH_PROCS) --out $(BENCH_RUNS)
	$(BENCH_BIN)/python -m tests.bench.optimizer.plot $(BENCH_RUNS) $(BENCH_STORED) --paired --tasks $(BENCH_TASKS) \
	  --out docs/optimizer-benchmark.svg
	$(BENCH_BIN)/python -m tests.bench.optimizer.report $(BENCH_RUNS) $(BENCH_STORED) --paired --tasks $(BENCH_TASKS) \
	  --plot optimizer-benchmark.svg --out docs/optimizer-benchmark.md

.PHONY: clean
clean: ## remove the virtual environments and the results of the demo
	rm -rf $(VENV) $(BENCH_VENV) $(WANDB_OLDEST) .venv-torch-* train_dir
