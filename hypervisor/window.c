/* SPDX-License-Identifier: MIT */
/*
 * Windows. The page-table entries are this processor's own, so that a change
 * needs no lock and no shootdown, just an INVLPG here.
 */
#include "hypervisor/window.h"

#include "hypervisor/cpu.h"
#include "x86/cpu.h"
#include "x86/paging.h"

void *window_map(u32 slot, spa_t spa)
{
	struct cpu *cpu = this_cpu();
	u64 va = HV_WINDOW_BASE + ((u64)cpu->index * HV_WINDOW_SLOTS + slot) * PAGE_SIZE;

	if (unlikely(cpu->windows[slot].frame != spa.a)) {
		cpu->windows[slot].frame = spa.a;
		cpu->window_ptes[slot] = spa.a | PTE_P | PTE_W | PTE_NX | PTE_A | PTE_D;
		invlpg(va);
	}
	return (void *)va;
}

void window_flush(void)
{
	struct cpu *cpu = this_cpu();

	for (u32 i = 0; i < HV_WINDOW_SLOTS; i++) {
		if (cpu->windows[i].frame == ~0ull)
			continue;
		cpu->windows[i].frame = ~0ull;
		cpu->window_ptes[i] = 0;
		invlpg(HV_WINDOW_BASE + ((u64)cpu->index * HV_WINDOW_SLOTS + i) * PAGE_SIZE);
	}
}
