/* SPDX-License-Identifier: MIT */
/*
 * What the files of this folder share: back ends, the device below them, and the agent, a task
 * that does for a file what has to wait.
 */
#pragma once

#include "rootpart/task.h"
#include "rootpart/vdisk/vdisk.h"
#include "rootpart/vdisk/vdisk_map.h"
#include "rootpart/waitq.h"

struct vdisk_ops {
	void (*submit)(struct vdisk *v, struct vdisk_request *q);
	void (*close)(struct vdisk *v);
};

/* The task of a file that is open. */
struct vdisk_agent {
	void (*serve)(struct vdisk_request *q); /* in the task; may wait */
	struct spinlock lock;                   /* of what follows */
	struct list_node queue;
	bool stop;
	bool ended;
	struct wait_queue waiters;
};

struct vdisk_file {
	struct vfs_file file; /* the agent's, but for open and close */
	u64 size;             /* bytes; constant, as the block size of the file system */
	u32 block_size;
	struct vdisk_map map;
	bool uncommitted; /* blocks got their places: a flush is to commit that; any VP, atomic */
	struct vdisk_agent agent;

	/* The agent's. */
	struct list_node converting; /* requests under way to what was not written yet */
	struct list_node blocked;    /* those that wait for one of them */
	u8 *zeroes;                  /* a block of the file system */
};

/* ---- vdisk_device.c ---- */

/* -EBUSY: @other; -EROFS; -EINVAL; -ENOMEM. */
[[nodiscard]] int vdisk_device_open(
	struct vdisk *v, const struct vdisk_how *how, char other[BLOCK_HOLDER_SIZE]);
/*
 * @bytes of @q's data from q->at on, to or from byte @place of the device, or a flush; then
 * done() of q->part.r.
 */
void vdisk_device_start(struct vdisk_request *q, u64 place, u64 bytes);

/* ---- vdisk_file.c ---- */

/* v->file: opened already, its size known. -ENOMEM. */
[[nodiscard]] int vdisk_file_open(struct vdisk *v);
/* What is left of @q, as far as nobody has to wait for it. Its part is not under way. */
void vdisk_file_step(struct vdisk_request *q);
/* vdisk_submit() went well so far; now the agent. */
void vdisk_file_ask(struct vdisk_request *q);

/* ---- vdisk_grow.c: what the agent does for files with extents ---- */

void vdisk_grow_serve(struct vdisk_request *q);

/* ---- vdisk_copy.c: files without ---- */

[[nodiscard]] int vdisk_copy_open(struct vdisk *v);

/* ---- vdisk_agent.c ---- */

/* -ENOMEM. Tasks. */
[[nodiscard]] int vdisk_agent_start(struct vdisk_agent *a, void (*serve)(struct vdisk_request *q));
/* Nothing is queued, nor will be. Tasks. */
void vdisk_agent_stop(struct vdisk_agent *a);
/* Has it serve @q. Tasks and work of any VP. */
void vdisk_agent_ask(struct vdisk_agent *a, struct vdisk_request *q);

/* ---- vdisk.c ---- */

/* 0, or why @q cannot be done: -EINVAL, -EROFS, -ENOTSUP. */
[[nodiscard]] int vdisk_check(const struct vdisk *v, const struct vdisk_request *q);

/* It is over. Not inside vdisk_submit(). */
static inline void vdisk_end(struct vdisk_request *q, int error)
{
	q->r.error = error;
	q->r.done(&q->r);
}
