/* SPDX-License-Identifier: MIT */
/*
 * The root kernel's virtual address space; docs/memory-map.md draws it. The
 * lower half is a process's (address_space.h).
 */
#pragma once

#include "base/types.h"

/* All RAM at base + GPA, read and write, never executed; also firmware
 * tables, boot modules and the hypervisor's rings, read only. */
#define ROOT_DIRECT_BASE 0xffff800000000000ull
#define ROOT_DIRECT_SIZE (64ull << 40)

/* Stacks; each slot begins with an unmapped guard page. */
#define ROOT_STACK_BASE   0xffffd10000000000ull
#define ROOT_STACK_SIZE   (16 * KIB)
#define ROOT_STACK_STRIDE (32 * KIB)
#define ROOT_STACK_SLOTS  4096u

/* Device registers and frame buffers. */
#define ROOT_DEVICE_BASE 0xffffd20000000000ull
#define ROOT_DEVICE_SIZE (256 * GIB)

/* The image, linked at this address whatever physical memory it is in: not the
 * one of the hypervisor, so that an address in a log or a debugger names one. */
#define ROOT_IMAGE_BASE 0xffffffffc0000000ull
#define ROOT_IMAGE_MAX  (16 * MIB)
