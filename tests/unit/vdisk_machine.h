/* SPDX-License-Identifier: MIT */
/*
 * A root for tests of virtual disks on ext4: a device whose requests end when, and in the order
 * in which, the test says so; the agent served in turn; memory by host pointers. The file layer, ext4
 * and the disk's image are the real ones.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/errno.h"
#include "rootpart/block/block_cut.h"
#include "rootpart/block/block_queue.h"
#include "rootpart/page_alloc.h"
#include "rootpart/vdisk/vdisk_impl.h"
#include "tests/unit/ext4_space_volume.h"
#include "tests/unit/fake_root.h"

#define PENDING_MAX 256u

static struct volume v;
static u32 pins;
static u32 machine_seed = 1;
static char device_holder[BLOCK_HOLDER_SIZE];

static u32 any(u32 below)
{
	machine_seed = machine_seed * 1664525 + 1013904223;
	return (machine_seed >> 8) % below;
}

/* ---- the device ---- */

static struct block_request *pending[PENDING_MAX];
static u32 pending_count;
static bool submitting;

struct block_device *block_find(const char *name)
{
	return strcmp(name, "disk0") == 0 ? &v.disk.d : NULL;
}

int block_hold(struct block_device *d, const char *holder, char other[BLOCK_HOLDER_SIZE])
{
	(void)d;
	if (device_holder[0] != '\0') {
		strcpy(other, device_holder);
		return -EBUSY;
	}
	snprintf(device_holder, sizeof(device_holder), "%s", holder);
	return 0;
}

void block_let_go(struct block_device *d)
{
	(void)d;
	device_holder[0] = '\0';
}

void block_plug(struct block_device *d)
{
	(void)d;
}

void block_unplug(struct block_device *d)
{
	(void)d;
}

void block_end(struct block_device *d, struct block_request *r, int error)
{
	(void)d;
	assert_true(pending_count < PENDING_MAX);
	r->error = error;
	r->ended = true; /* nothing is done */
	pending[pending_count++] = r;
}

void block_submit(struct block_device *d, struct block_request *r)
{
	const struct block_limits *l = &d->limits;

	assert_true(pending_count < PENDING_MAX);
	r->device = d;
	r->error = 0;
	if (r->op != BLOCK_FLUSH)
		r->error = block_request_check(r, l->sector_size, l->sectors);
	r->ended = r->error != 0;
	pending[pending_count++] = r;
}

static void move(const struct block_request *r, u8 *flat, bool to_flat)
{
	struct block_cursor at = { 0, 0 };

	block_cursor_move(r->segments, &at, r->flags & BLOCK_PART ? r->skip : 0);
	for (u64 done = 0; done < r->bytes;) {
		const struct block_segment *s = &r->segments[at.segment];
		u64 n = MIN(s->len - at.offset, r->bytes - done);
		u8 *p = (u8 *)gpa_ptr(s->gpa) + at.offset;

		if (to_flat)
			memcpy(flat + done, p, n);
		else
			memcpy(p, flat + done, n);
		done += n;
		block_cursor_move(r->segments, &at, n);
	}
}

static int device_do(struct block_request *r)
{
	static u8 flat[MIB];
	int error;

	if (r->op == BLOCK_FLUSH)
		return block_flush(&v.disk.d);
	if (r->op == BLOCK_WRITE) {
		move(r, flat, true);
		return block_write(&v.disk.d, r->sector, flat, r->bytes, r->flags);
	}
	error = block_read(&v.disk.d, r->sector, flat, r->bytes);
	if (error == 0)
		move(r, flat, false);
	return error;
}

/* One of those that are under way ends. */
static void device_step(void)
{
	u32 i = any(pending_count);
	struct block_request *r = pending[i];

	memmove(&pending[i], &pending[i + 1], (--pending_count - i) * sizeof(pending[0]));
	if (!r->ended)
		r->error = device_do(r);
	r->ended = true;
	r->done(r);
}

/* ---- the agent ---- */

static struct vdisk_agent *agent; /* that was asked last */

int vdisk_agent_start(struct vdisk_agent *a, void (*serve)(struct vdisk_request *q))
{
	*a = (struct vdisk_agent){ .serve = serve };
	list_init(&a->queue);
	return 0;
}

void vdisk_agent_stop(struct vdisk_agent *a)
{
	assert_true(list_empty(&a->queue));
	a->ended = true;
	agent = NULL;
}

void vdisk_agent_ask(struct vdisk_agent *a, struct vdisk_request *q)
{
	agent = a;
	list_push_back(&a->queue, &q->link);
}

static bool agent_step(void)
{
	struct list_node *l = agent != NULL ? list_pop_front(&agent->queue) : NULL;

	if (l != NULL)
		agent->serve(list_entry(l, struct vdisk_request, link));
	return l != NULL;
}

/* Something happens; false: there is nothing. */
static bool machine_step(void)
{
	if (pending_count > 0 && any(2)) {
		device_step();
		return true;
	}
	if (agent_step())
		return true;
	if (pending_count > 0)
		device_step();
	else
		return false;
	return true;
}

static void settle(void)
{
	while (machine_step())
		;
}

void wait_begin(struct wait_queue *q, struct waiter *w)
{
	(void)q;
	(void)w;
}

int wait_step(struct wait_queue *q, struct waiter *w, u64 deadline_ns)
{
	(void)q;
	(void)w;
	(void)deadline_ns;
	assert_true(machine_step());
	return 0;
}

void wait_end(struct wait_queue *q, struct waiter *w)
{
	(void)q;
	(void)w;
}

void wait_wake_all(struct wait_queue *q)
{
	(void)q;
}

void fake_wait(void)
{
	abort();
}

/* ---- memory ---- */

int page_pin(gpa_t gpa, u64 len)
{
	(void)len;
	/* What is no memory of ours. */
	if (gpa.a < 4096)
		return -EFAULT;
	pins++;
	return 0;
}

void page_unpin(gpa_t gpa, u64 len)
{
	(void)gpa;
	(void)len;
	pins--;
}

void *page_alloc(u32 order)
{
	void *p = aligned_alloc(4096, 4096ul << order);

	image_objects++;
	return p;
}

void *page_alloc_zeroed(u32 order)
{
	return memset(page_alloc(order), 0, 4096ul << order);
}

int page_free(void *p, u32 order)
{
	(void)order;
	image_objects--;
	free(p);
	return 0;
}

/* ---- a volume at /vm ---- */

static void *mounted_fs;

static int forward_stat(void *fs, const char *path, struct vfs_stat *stat)
{
	(void)fs;
	return ext4_vfs_ops.stat(mounted_fs, path, stat);
}

static int forward_open(void *fs, const char *path, struct vfs_file *file)
{
	(void)fs;
	file->fs = mounted_fs;
	file->ops = &ext4_vfs_ops;
	return ext4_vfs_ops.open(mounted_fs, path, file);
}

static int forward_remove(void *fs, const char *path)
{
	(void)fs;
	return ext4_vfs_ops.remove(mounted_fs, path);
}

static int forward_rename(void *fs, const char *from, const char *to)
{
	(void)fs;
	return ext4_vfs_ops.rename(mounted_fs, from, to);
}

/* What is mounted stays so; which volume it is, each test says. */
static void machine_mount(void)
{
	static struct vfs_ops ops;

	if (ops.stat == NULL) {
		ops = ext4_vfs_ops;
		ops.stat = forward_stat;
		ops.open = forward_open;
		ops.remove = forward_remove;
		ops.rename = forward_rename;
		assert_int_equal(vfs_mount("/vm", &ops, NULL), 0);
	}
	mounted_fs = v.fs;
}
