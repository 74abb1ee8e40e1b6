/* SPDX-License-Identifier: MIT */
/*
 * Disks in memory, as back ends of providers: requests end when the test says so, in any order.
 */
#pragma once

#include "tests/unit/vmbus_host.h"
#include "vsp/disk.h"

#define SECTORS   2048u
#define QUEUE_MAX 256u

static u32 locks; /* that a provider holds */

struct mem_disk {
	struct vsp_disk d;
	u8 bytes[SECTORS * 512];
	struct vsp_disk_request *queue[QUEUE_MAX];
	u32 count, plugs, flushes, discards;
	bool plugged;
	int error;                /* of all that end */
	void (*unplugging)(void); /* what happens elsewhere meanwhile */
};

static struct mem_disk disks[2];

static void disk_submit(struct vsp_disk *d, struct vsp_disk_request *r)
{
	struct mem_disk *m = container_of(d, struct mem_disk, d);

	assert_true(m->plugged && m->count < QUEUE_MAX && locks == 0);
	/* The back end's own memory is its own. */
	memset(r->private, 0x77, d->request_bytes);
	m->queue[m->count++] = r;
}

static void disk_plug(struct vsp_disk *d)
{
	container_of(d, struct mem_disk, d)->plugged = true;
}

static void disk_unplug(struct vsp_disk *d)
{
	struct mem_disk *m = container_of(d, struct mem_disk, d);

	if (m->unplugging != NULL)
		m->unplugging();
	m->plugged = false;
}

static const struct vsp_disk_ops disk_ops = { disk_submit, disk_plug, disk_unplug };

static void disk_do(struct mem_disk *m, struct vsp_disk_request *r)
{
	u8 *at = m->bytes + r->sector * 512;
	u64 done = 0;

	m->flushes += r->op == VSP_DISK_FLUSH;
	m->discards += r->op == VSP_DISK_DISCARD;
	assert_true(r->op == VSP_DISK_FLUSH || r->sector * 512 + r->bytes <= sizeof(m->bytes));
	if (r->op != VSP_DISK_READ && r->op != VSP_DISK_WRITE)
		return;
	for (u32 i = 0; i < r->segment_count; i++) {
		u8 *p = (u8 *)r->segments[i].gpa.a;

		assert_true(p >= ram[0] && p + r->segments[i].len <= ram[0] + sizeof(ram));
		if (r->op == VSP_DISK_READ)
			memcpy(p, at + done, r->segments[i].len);
		else
			memcpy(at + done, p, r->segments[i].len);
		done += r->segments[i].len;
	}
	assert_int_equal(done, r->bytes);
}

/* One of those under way ends. */
static bool disk_step(struct mem_disk *m)
{
	u32 i;
	struct vsp_disk_request *r;

	if (m->count == 0)
		return false;
	i = any(m->count);
	r = m->queue[i];
	m->queue[i] = m->queue[--m->count];
	if (m->error == 0)
		disk_do(m, r);
	r->done(r, m->error);
	return true;
}

static struct vsp_disk *disk_init(u32 i)
{
	struct mem_disk *m = &disks[i];

	*m = (struct mem_disk){ .d = { .ops = &disk_ops,
					.request_bytes = 40,
					.sector_size = 512,
					.sectors = SECTORS,
					.write_cache = true,
					.max_discard = MIB,
					.id = { (u8)(i + 1) } } };
	return &m->d;
}
