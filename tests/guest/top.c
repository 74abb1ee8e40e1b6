/* SPDX-License-Identifier: MIT */
/*
 * Devices right above the top of memory, where that is on no round address:
 * the hypervisor maps them on demand, and its own memory, which lies right
 * below, stays out of reach.
 * machines: svm-smp1-bios
 * memory: 4101M
 */
#include "tests/guest/lib/guest.h"
#include "x86/desc.h"

static void read_byte(void *p)
{
	(void)*(volatile u8 *)p;
}

static u32 fault_at(u64 gpa)
{
	return guest_try(read_byte, (void *)gpa).vector;
}

static u64 top, kept_end; /* of all memory; of the hypervisor's range below it */

static void read_map(void)
{
	const struct pvh_memory *map = (const struct pvh_memory *)guest_start_info->memory_map;

	for (u32 i = 0; i < guest_start_info->memory_map_entries; i++) {
		u64 end = map[i].address + map[i].size;

		if (end > 64 * GIB)
			continue;
		top = MAX(top, end);
		if (map[i].type == PVH_MEMORY_RESERVED && map[i].address > 4 * GIB)
			kept_end = MAX(kept_end, end);
	}
}

static void hypervisor_is_out_of_reach(const char *name)
{
	for (u64 back = PAGE_SIZE; back <= 16 * MIB; back *= 4)
		guest_check(fault_at(kept_end - back) == VEC_GP, name, "%lx", kept_end - back);
}

void guest_main(void)
{
	read_map();
	guest_check(top > 4 * GIB && !IS_ALIGNED(top, PAGE_2M), "top-is-odd", "%lx", top);
	guest_check(kept_end > ALIGN_DOWN(top, GIB), "hypervisor-in-last-gib", "%lx", kept_end);
	hypervisor_is_out_of_reach("before");
	for (u64 step = PAGE_SIZE; step <= GIB; step *= 8)
		guest_check(fault_at(top + step - PAGE_SIZE) == GUEST_NO_FAULT, "device", "%lx",
			top + step);
	hypervisor_is_out_of_reach("after");
}
