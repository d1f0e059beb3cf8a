# The two commands of the README: `make demo` shows podnet at work, `make test` checks it. Both set up what is missing.
# The tests are three runs: `fast` needs no namespace and no root, `test` adds the kernel, `real` adds real programs.
SHELL := /bin/bash
PATH := $(PATH):/usr/sbin:/sbin
export PATH

PROGRAMS := ip:iproute2 iptables-nft:iptables iptables-legacy:iptables nft:nftables ipset:ipset strace:strace git:git \
	unshare:util-linux nsenter:util-linux cc:gcc
BIN := .venv/bin
PYTEST := $(BIN)/pytest --numprocesses auto --dist worksteal
COVERAGE := .coverage.json

# The programs that the tests of each target of `make real` need more.
REAL := real-docker
PROGRAMS_docker := dockerd:docker.io docker:docker.io busybox:busybox-static

.PHONY: demo fast test real $(REAL) soak fuzz bench lint compiled programs clean lock records picture

demo: .venv/ready
	PATH="$(CURDIR)/$(BIN):$$PATH" docs/story/demo.sh

# The tests that need no namespace and no root, with few examples, always the same; and what of the package they cover.
fast: compiled
	$(PYTEST) --ignore tests/scenarios -m "not kernel and not slow and not soak and not real" --hypothesis-profile fast \
		--cov --cov-report=
	$(BIN)/coverage json --quiet -o $(COVERAGE)
	$(BIN)/python tools/coverage_gate.py $(COVERAGE)

# All of those, then the slow ones and the tests on the kernel, and those of hypothesis with twice as many examples.
test: lint fast
	$(PYTEST) -m "(kernel or slow or hypothesis) and not soak and not real" --hypothesis-profile test

# Beside real programs, a target each. As root.
real: $(REAL)

$(REAL): real-%: compiled
	@[ "$$(id -u)" = 0 ] || { echo "make $@ needs root"; exit 1; }
	$(MAKE) programs PROGRAMS="$(PROGRAMS) $(PROGRAMS_$*)"
	$(BIN)/pytest -m real tests/scenarios/real/test_$*.py

# What takes long, and every example of hypothesis.
soak: compiled
	$(BIN)/pytest -m "soak or (hypothesis and not kernel)"

# Hostile inputs for every file that podnet reads. The same seed makes the same ones; what they find is below fuzz-findings/.
fuzz: SEED ?= 1
fuzz: COUNT ?= 100000
fuzz: compiled
	$(BIN)/python -m tests.fuzz --seed $(SEED) --count $(COUNT)

# podnet beside the tools that one would use instead: docs/performance.md, bench/results.json and bench/size.svg.
bench: .venv/ready programs
	$(BIN)/python bench/run.py
	$(BIN)/python bench/plot.py
	$(BIN)/python bench/report.py

lint: .venv/ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Compiled once, as pip compiles what it installs: the tests start podnet very often, and see every file that it writes.
compiled: .venv/ready
	$(BIN)/python -m compileall -q netplan tests

# A virtual environment with exactly what the lock file says; made anew when that changes.
.venv/ready: requirements-dev.txt pyproject.toml | programs
	python3 -m venv --clear .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

# python-iptables, which the tests ask about the legacy backend, is compiled when it is installed.
define HEADERS
import pathlib, sys, sysconfig
sys.exit(not pathlib.Path(sysconfig.get_path("include"), "Python.h").exists())
endef
export HEADERS

# The system's programs that the lab and the tests use: installed when root, else named. No service is started by it.
programs:
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "podnet needs Python >= 3.11"; exit 1; }
	@missing=$$({ \
		for each in $(PROGRAMS); do command -v "$${each%:*}" >/dev/null || echo "$${each#*:}"; done; \
		python3 -c 'import ensurepip' 2>/dev/null || echo python3-venv; \
		python3 -c "$$HEADERS" || echo python3-dev; \
	} | sort -u); \
	if [ -n "$$missing" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		policy=/usr/sbin/policy-rc.d; \
		[ -e $$policy ] || { trap "rm -f $$policy" EXIT; printf '#!/bin/sh\nexit 101\n' >$$policy; chmod +x $$policy; }; \
		apt-get update -qq && apt-get install -y -qq --no-install-recommends $$missing; \
	elif [ -n "$$missing" ]; then \
		echo "install these Debian packages first:" $$missing; exit 1; \
	fi

# What is committed below state/ and docs/, made anew.
records: .venv/ready
	PATH="$(CURDIR)/$(BIN):$$PATH" docs/story/records.sh

picture: .venv/ready
	$(BIN)/python docs/story/picture.py
	$(BIN)/python -m tools.architecture

lock:
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --extra dev --upgrade \
		pyproject.toml --output-file requirements-dev.txt

clean:
	rm -rf .venv .coverage* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info build
