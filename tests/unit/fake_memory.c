/* SPDX-License-Identifier: MIT */
/*
 * Owned memory for host tests: a mapping at the direct map's address.
 */
#include "fake_memory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "hypervisor/frame.h"
#include "hypervisor/layout.h"
#include "hypervisor/pool.h"

#define BEHIND   4u /* pages */
#define PATTERN  0xa5
#define FRAMES   (0x20000000ull >> PAGE_SHIFT)
#define MAX_SIZE (256 * MIB)

static struct frame frames[FRAMES];
static u8 *behind;

void fake_memory_init(u32 pages)
{
	u64 size = (pages + BEHIND) * PAGE_SIZE;
	u8 *base = (u8 *)(HV_DIRECT_BASE + FAKE_MEMORY_START);

	if (size > MAX_SIZE || mmap(base, MAX_SIZE, PROT_READ | PROT_WRITE,
				       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != base)
		abort();
	behind = base + pages * PAGE_SIZE;
	memset(behind, PATTERN, BEHIND * PAGE_SIZE);
	memset(frames, 0, sizeof(frames));
	frame_table_init(frames, FRAMES);
	pool_set_image(SPA(0x1000000));
	pool_init(SPA(FAKE_MEMORY_START), pages * PAGE_SIZE);
}

bool fake_memory_end_untouched(void)
{
	for (u32 i = 0; i < BEHIND * PAGE_SIZE; i++)
		if (behind[i] != PATTERN)
			return false;
	return true;
}
