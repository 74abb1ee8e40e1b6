/* SPDX-License-Identifier: MIT */
/*
 * Partitions by id. An id is a place in a table; places are given out again
 * last, so that an old id does not name a new partition soon. Any processor;
 * one lock, held for a few instructions.
 */
#include "hypervisor/partition_table.h"

#include "base/assert.h"
#include "hv/hypercall.h"
#include "hypervisor/partition.h"

static struct partition *table[HV_MAX_PARTITIONS];
static u64 next_id = HV_PARTITION_ID_ROOT + 1;
static struct spinlock lock;

static u64 id_after(u64 id)
{
	return id + 1 < HV_MAX_PARTITIONS ? id + 1 : HV_PARTITION_ID_ROOT + 1;
}

void partition_table_add_root(struct partition *p)
{
	table[HV_PARTITION_ID_ROOT] = p;
	p->references = 1;
}

bool partition_table_add(struct partition *p)
{
	u64 id;

	spin_lock(&lock);
	id = next_id;
	while (table[id] && id_after(id) != next_id)
		id = id_after(id);
	if (table[id]) {
		spin_unlock(&lock);
		return false;
	}
	p->id = id;
	p->references = 1;
	table[id] = p;
	next_id = id_after(id);
	spin_unlock(&lock);
	return true;
}

void partition_table_remove(struct partition *p)
{
	spin_lock(&lock);
	assert(table[p->id] == p);
	table[p->id] = NULL;
	spin_unlock(&lock);
	partition_put(p);
}

struct partition *partition_find(u64 id)
{
	struct partition *p = NULL;

	if (id >= HV_MAX_PARTITIONS)
		return NULL;
	spin_lock(&lock);
	p = table[id];
	if (p)
		p->references++;
	spin_unlock(&lock);
	return p;
}

void partition_put(struct partition *p)
{
	u32 left;

	spin_lock(&lock);
	left = --p->references;
	spin_unlock(&lock);
	if (left == 0)
		deposit_give(&p->parent->deposit, p);
}

u64 partition_table_next_child(const struct partition *parent, u64 previous)
{
	u64 found = 0;

	if (previous >= HV_MAX_PARTITIONS)
		return 0;
	spin_lock(&lock);
	for (u64 id = previous + 1; id < HV_MAX_PARTITIONS && !found; id++)
		if (table[id] && table[id]->parent == parent)
			found = id;
	spin_unlock(&lock);
	return found;
}
