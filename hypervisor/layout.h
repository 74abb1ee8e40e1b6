/* SPDX-License-Identifier: MIT */
/*
 * The hypervisor's own virtual address space; docs/memory-map.md draws it.
 * Everything is in the upper half, so that a stray low pointer faults.
 */
#pragma once

#include "base/types.h"

/* Owned memory at base + SPA, and only that: read, write, never executed. */
#define HV_DIRECT_BASE 0xffff800000000000ull
#define HV_DIRECT_SIZE (64ull << 40)

/* Per-processor windows onto guest pages, see window.h. */
#define HV_WINDOW_BASE  0xffffd00000000000ull
#define HV_WINDOW_SLOTS 512u

/* Stacks, each with an unmapped guard page below it. */
#define HV_STACK_BASE     0xffffd10000000000ull
#define HV_STACK_SIZE     (16 * KIB)
#define HV_STACK_STRIDE   (32 * KIB)
#define HV_STACKS_PER_CPU 4u /* run loop, then NMI, #DF, #MC by IST */

/* Device registers: local APIC, IOAPICs, HPET, framebuffer. */
#define HV_DEVICE_BASE 0xffffd20000000000ull
#define HV_DEVICE_SIZE (1 * GIB)

/* The image, linked at this address whatever physical memory it is in. */
#define HV_IMAGE_BASE 0xffffffff80000000ull

#define HV_MAX_CPUS   64u
