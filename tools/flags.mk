# SPDX-License-Identifier: MIT
#
# Compiler, output directory and flags, for the images and for what checks
# them. Included by Makefile and by tools/checks.mk.

CC := gcc
BUILD := build
# The packages that deps.sh installs belong to Debian's own interpreter.
PYTHON := $(firstword $(wildcard /usr/bin/python3) python3)
Q := $(if $(V),,@)

FREESTANDING := -std=gnu2x -ffreestanding -O2 -g -mno-red-zone \
	-mgeneral-regs-only -mcmodel=kernel -fno-pic -fno-pie \
	-fno-omit-frame-pointer -fno-strict-aliasing \
	-fstack-protector-strong -mstack-protector-guard=global \
	-fcf-protection=none -fno-asynchronous-unwind-tables
WARNINGS := -Wall -Wextra -Wshadow -Wmissing-prototypes -Wconversion -Werror
INCLUDES := -I include -I .
# Paths never enter the images, so that where it was built does not show.
REPRODUCIBLE := -ffile-prefix-map=$(CURDIR)=. -fdebug-prefix-map=$(CURDIR)=.
IMAGE_CFLAGS := $(FREESTANDING) $(WARNINGS) $(INCLUDES) $(REPRODUCIBLE)
# The worker is linked low, in the lower half of ring 3.
WORKER_CFLAGS := $(subst -mcmodel=kernel,-mcmodel=small,$(IMAGE_CFLAGS))
IMAGE_LDFLAGS := -nostdlib -static -fuse-ld=bfd -Wl,--build-id=none \
	-Wl,-z,max-page-size=4096 -Wl,-z,noexecstack -Wl,--fatal-warnings
# One line per file; none with -s, whole commands with V=1.
SAY := $(if $(V)$(findstring s,$(firstword -$(MAKEFLAGS))),:,echo)
