/* SPDX-License-Identifier: MIT */
/*
 * I/O ports that exit: of the root those that it may not touch, of a child
 * all, for its parent emulates what is there. Called once for each. PCI configuration stays the root's: it programs MSIs with
 * the address and data that HvCallMapDeviceInterrupt gave it.
 */
#include "hypervisor/policy.h"

#include "hypervisor/partition.h"
#include "lib/string.h"

struct port_row {
	u16 first;
	u16 last;
	const char *why;
};

static const struct port_row refused[] = {
	{ 0x20, 0x21, "8259 of IRQ 0 to 7: masked, interrupts are the hypervisor's" },
	{ 0xa0, 0xa1, "8259 of IRQ 8 to 15" },
	{ 0xe9, 0xe9, "debug console of the hypervisor" },
	{ 0x4d0, 0x4d1, "edge or level of the 8259s' inputs" },
};

void policy_io_bitmap(const struct partition *p, u8 *bitmap, size_t size)
{
	memset(bitmap, partition_is_root(p) ? 0 : 0xff, size);
	if (!partition_is_root(p))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		for (u32 port = refused[i].first; port <= refused[i].last; port++)
			bitmap[port / 8] |= (u8)(1u << (port % 8));
}
