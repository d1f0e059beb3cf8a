# The two commands of the README: `make demo` shows podnet at work, `make test` checks it. Both set up what is missing.
SHELL := /bin/bash
PATH := $(PATH):/usr/sbin:/sbin
export PATH

PROGRAMS := ip:iproute2 iptables-nft:iptables iptables-legacy:iptables nft:nftables ipset:ipset strace:strace git:git \
	unshare:util-linux nsenter:util-linux cc:gcc
BIN := .venv/bin

.PHONY: demo test soak fuzz bench lint programs clean lock records picture

demo: .venv/ready
	PATH="$(CURDIR)/$(BIN):$$PATH" docs/story/demo.sh

# Compiled once, as pip compiles what it installs: the tests start podnet very often.
test: lint
	$(BIN)/python -m compileall -q netplan
	$(BIN)/pytest --numprocesses auto --dist worksteal

# What takes long, or needs more of the machine than a user namespace: beside a real docker, for one. As root.
soak: PROGRAMS += dockerd:docker.io docker:docker.io busybox:busybox-static
soak: .venv/ready programs
	$(BIN)/pytest -m soak

# Hostile inputs for every file that podnet reads. The same seed makes the same ones; what they find is below fuzz-findings/.
fuzz: SEED ?= 1
fuzz: COUNT ?= 100000
fuzz: .venv/ready
	$(BIN)/python -m tests.fuzz --seed $(SEED) --count $(COUNT)

# podnet beside the tools that one would use instead: the table, also in README, bench/results.json and bench/size.svg.
bench: .venv/ready programs
	$(BIN)/python bench/run.py
	$(BIN)/python bench/plot.py
	$(BIN)/python bench/report.py

lint: .venv/ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

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

# The system's programs that the lab and the tests use: installed when root, else named.
programs:
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "podnet needs Python >= 3.11"; exit 1; }
	@missing=$$({ \
		for each in $(PROGRAMS); do command -v "$${each%:*}" >/dev/null || echo "$${each#*:}"; done; \
		python3 -c 'import ensurepip' 2>/dev/null || echo python3-venv; \
		python3 -c "$$HEADERS" || echo python3-dev; \
	} | sort -u); \
	if [ -n "$$missing" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
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
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info build
