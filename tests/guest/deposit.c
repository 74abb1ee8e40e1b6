/* SPDX-License-Identifier: MIT */
/*
 * Memory that the root deposits: what may be, what the hypervisor makes of it,
 * and that all of it comes back, zeroed.
 */
#include "lib/string.h"
#include "tests/guest/lib/child.h"
#include "x86/cpu.h"

#define CYCLES 1000u
#define PAGES  40u

/* Created, mapped, ended: every page is back, and the pool as it was. */
static void cycle(u64 memory)
{
	u64 id = child_make(PAGES);

	child_map(id, 0, memory, PAGE_2M, HV_MAP_ALL);
	child_map(id, 16 * GIB, memory + PAGE_2M, PAGE_2M, HV_MAP_ALL | HV_MAP_LARGE);
	child_unmap(id, PAGE_SIZE, 3 * PAGE_SIZE, 0);
	if (child_end(id) != PAGES)
		guest_fail("cycle", "pages are missing");
}

void guest_main(void)
{
	u64 memory = guest_ram(2 * PAGE_2M, PAGE_2M);
	u64 left;

	cycle(memory);
	left = guest_ram_left();
	for (u32 i = 0; i < CYCLES; i++)
		cycle(memory);
	guest_check(guest_ram_left() == left, "cycles", "%lu bytes lost", left - guest_ram_left());
}
