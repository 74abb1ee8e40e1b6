/* SPDX-License-Identifier: MIT */
/*
 * The least that a guest test does: it was entered as the PVH ABI says, and
 * finds its boot information.
 * child: svm-smp1-bios vmx-smp1
 */
#include "hv/cpuid.h"
#include "tests/guest/lib/guest.h"
#include "x86/cpu.h"

void guest_main(void)
{
	guest_check(guest_start_info->magic == PVH_START_MAGIC, "pvh-magic", "%x",
		guest_start_info->magic);
	guest_check(guest_start_info->version == 1, "pvh-version");
	/* Whoever may create partitions is the root, and told more. */
	if (cpuid(HV_CPUID_FEATURES, 0).ebx & HV_CREATE_PARTITIONS)
		guest_check(guest_bootinfo && guest_bootinfo->magic == BOOTINFO_MAGIC, "bootinfo");
	guest_check(guest_start_info->memory_map_entries > 0, "memory-map");
}
