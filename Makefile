# SPDX-License-Identifier: MIT
#
# Builds, runs and tests Verdigris. `make help` lists what a person types.
# The rules stand in tools/*.mk: images.mk makes everything below build/,
# flags.mk has the flags; tests/run compiles host tests by tools/checks.mk and
# runs them. Options: CC=gcc|clang, BUILD=directory, V=1 shows commands.

VERSION := 0.1.0

.SUFFIXES:
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory
export PYTHONDONTWRITEBYTECODE := 1
include tools/flags.mk
export CC BUILD PYTHON

.PHONY: all
all: images iso

include tools/images.mk

.PHONY: deps run gdb check test soak bench unit fuzz format clean help
deps:
	$(Q)tools/deps.sh

# `deps` comes first, also with -j: it may install the compiler.
run: deps
	$(Q)+$(MAKE) iso
	$(Q)$(PYTHON) tools/run.py

gdb: deps
	$(Q)+$(MAKE) iso
	$(Q)$(PYTHON) tools/run.py --gdb

check: deps
	$(Q)+$(PYTHON) tests/run check

test: deps
	$(Q)+$(PYTHON) tests/run test

soak: deps
	$(Q)+$(PYTHON) tests/run soak

bench: deps
	$(Q)+$(MAKE) iso guests
	$(Q)$(PYTHON) tests/bench/bench.py $(BENCH)

bench-profile: deps
	$(Q)+$(MAKE) iso guests
	$(Q)$(PYTHON) tests/bench/profile.py
.PHONY: bench-profile

coverage: deps
	$(Q)+$(PYTHON) tests/coverage.py

branches: deps
	$(Q)+$(PYTHON) tests/branches.py
.PHONY: coverage branches

unit:
	$(Q)+$(PYTHON) tests/run unit

unit-%:
	$(Q)+$(PYTHON) tests/run unit $*

fuzz:
	$(Q)+$(PYTHON) tests/run fuzz

fuzz-%:
	$(Q)+$(PYTHON) tests/run fuzz $*

e2e:
	$(Q)+$(PYTHON) tests/run e2e

e2e-%:
	$(Q)+$(PYTHON) tests/run e2e $*
.PHONY: e2e

format:
	$(Q)find boot hypervisor rootpart vmbus vsp vsc include lib tests -name '*.[ch]' \
		2>/dev/null | xargs clang-format -i

clean:
	$(Q)rm -rf $(BUILD)

help:
	@cat tools/help.txt
