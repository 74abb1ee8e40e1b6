# SPDX-License-Identifier: MIT
#
# Builds, runs and tests Verdigris. `make help` lists what a person types.
# The rules stand in tools/*.mk: images.mk makes everything below build/,
# checks.mk compiles what the checks and tests need. What runs tests is
# tests/run. Options: CC=gcc|clang, BUILD=directory, V=1 shows commands.

VERSION := 0.1.0
CC := gcc
BUILD := build
MACHINE ?= auto

.SUFFIXES:
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
export PYTHONDONTWRITEBYTECODE := 1
# The packages that deps.sh installs belong to Debian's own interpreter.
PYTHON := $(firstword $(wildcard /usr/bin/python3) python3)
Q := $(if $(V),,@)

# A file below tests/, run without make, finds the same tools.
export CC BUILD PYTHON

.PHONY: all
all: images iso

include tools/images.mk
include tools/checks.mk

.PHONY: deps run gdb check test soak bench unit fuzz clean help
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

clean:
	$(Q)rm -rf $(BUILD)

help:
	@cat tools/help.txt
