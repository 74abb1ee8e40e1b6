/* SPDX-License-Identifier: MIT */
/*
 * Bringing processors up: per-processor memory, stacks, and the start of all
 * but the first by INIT and STARTUP. Intel SDM volume 3, 8.4.
 */
#pragma once

#include "base/types.h"

struct cpu;
struct memmap;
struct boot_info;

/* Allocates what processor @index needs and maps its stacks. Asserts memory. */
struct cpu *smp_cpu_alloc(u32 index, u32 apic_id);
/*
 * Starts all other processors of the platform; each turns its extension on
 * and then waits in the run loop. One that does not come up in time is left
 * out with a line in the log. Boot processor, once, identity map still there.
 */
void smp_start(const struct boot_info *info);
/* Lets them run VPs: the identity map is gone and the root is there. */
void smp_release(void);
/* Where ap.S lands. */
_Noreturn void smp_ap_main(struct cpu *cpu);
