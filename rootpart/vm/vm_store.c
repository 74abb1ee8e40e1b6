/* SPDX-License-Identifier: MIT */
/*
 * Mounting VM_ROOT, unless a volume is there already.
 */
#include "rootpart/vm/vm_store.h"

#include "base/errno.h"
#include "rootpart/errno_text.h"
#include "rootpart/log.h"
#include "rootpart/memfs.h"
#include "rootpart/page_alloc.h"
#include "rootpart/vm/vm_config.h"
#include "rootpart/volume.h"

/* Kernels and initrds of some children; never so much that children lack it. */
#define MEMORY_MAX  (64 * MIB)
#define MEMORY_PART 8

void vm_store_init(void)
{
	u64 memory = page_stats_get().total * PAGE_SIZE;
	struct memfs *fs;
	int r;

	if (volume_is_store())
		return;
	fs = memfs_create(MIN(MEMORY_MAX, memory / MEMORY_PART));
	r = fs != NULL ? vfs_mount(VM_ROOT, &memfs_ops, fs) : -ENOMEM;
	if (r != 0)
		log_printf("vm: nothing at %s: %s", VM_ROOT, errno_text(r));
}

bool vm_store_is_volatile(void)
{
	return !volume_is_store();
}
