/* SPDX-License-Identifier: MIT */
/*
 * What the files of the NVMe driver share: a controller, its queue pairs, its
 * namespaces, each of which is a block device.
 *
 * Queue pair i has its interrupt, and completes, on VP i. All namespaces use all of
 * them: the block layer's tag of a namespace is a slot of the pair. Locks: the
 * layer's queue, then the pair's; the controller's mutex, a task's, outside of both.
 */
#pragma once

#include "rootpart/block/block.h"
#include "rootpart/drivers/nvme/nvme_regs.h"
#include "rootpart/mutex.h"
#include "rootpart/pci/pci.h"
#include "rootpart/work.h"
#include "x86/spinlock.h"

#define NVME_ADMIN_ENTRIES  16u
#define NVME_IO_ENTRIES     256u
#define NVME_NAMESPACES_MAX 16u
#define NVME_PAGE           4096u

enum nvme_slot_state {
	NVME_FREE,
	NVME_BUSY,    /* the controller has it */
	NVME_PENDING, /* it gets it when it has been reset */
};

/* A command of a queue pair. Its lock. */
struct nvme_slot {
	struct nvme_command command;
	enum nvme_slot_state state;
	u8 generation; /* part of the command's id: what is answered twice is seen */
};

struct nvme_queue {
	struct nvme *nvme;
	u32 id; /* 0: admin */
	u32 entries;
	u32 slot_count;
	struct nvme_command *sq;
	struct nvme_completion *cq; /* the controller writes it */
	volatile u32 *tail_bell;
	volatile u32 *head_bell;
	u8 *lists; /* a list of PRPs for each slot */

	struct spinlock lock;
	struct nvme_slot *slots;
	u32 tail;
	u32 rung; /* tail that the controller knows */
	u32 head;
	u32 head_rung;
	bool phase;      /* of entries that are new */
	bool live;       /* it may be used */
	bool completing; /* a piece is on its way to the block layer */

	struct work work; /* VP id - 1 */
};

struct nvme_namespace {
	struct block_device block;
	struct nvme *nvme;
	u32 id;
	u32 first_slot;
};

struct nvme {
	struct pci_device *pci;
	volatile u8 *regs;
	u64 regs_size;
	u64 cap;
	bool pin;   /* it interrupts by its pin, which has to be quieted */
	void *page; /* for what it says of itself */

	/* Constant once it is up. */
	u32 max_bytes;
	u32 list_size; /* bytes of a slot's PRP list, a power of two */
	bool write_cache;
	bool can_discard;
	u32 namespace_ids; /* the highest */
	char model[BLOCK_MODEL_SIZE];
	char serial[24];
	struct nvme_queue admin;
	struct nvme_queue *io;
	u32 io_count;
	u32 io_opened; /* with one that could not be had */
	struct nvme_namespace *namespaces[NVME_NAMESPACES_MAX];
	u32 namespace_count;

	struct mutex mutex; /* resets */
	bool dead;          /* mutex */
	bool broken;        /* its answers made no sense; atomic */
};

/* nvme_controller.c. Tasks; 0 or -ETIMEDOUT, -EIO, -ENODEV. */
[[nodiscard]] int nvme_map(struct nvme *n); /* -ENOTSUP besides */
[[nodiscard]] int nvme_disable(struct nvme *n);
[[nodiscard]] int nvme_enable(struct nvme *n);
void nvme_shutdown(struct nvme *n);

/* nvme_admin.c: one command at a time, by looking. The same errors. */
[[nodiscard]] int nvme_admin(struct nvme *n, const struct nvme_command *c, u32 *result);
[[nodiscard]] int nvme_identify(struct nvme *n, u32 what, u32 nsid);
/* Asks for @count pairs; *granted is at most that. */
[[nodiscard]] int nvme_set_queues(struct nvme *n, u32 count, u32 *granted);
[[nodiscard]] int nvme_create_pair(struct nvme *n, struct nvme_queue *q);

/* nvme_identify.c: reads n->page into the controller's, and a namespace's fields. */
void nvme_read_controller(struct nvme *n);
/* False: it has a format that is not supported, or makes no sense. */
bool nvme_read_namespace(const struct nvme *n, struct block_limits *limits);

/* nvme_queue.c. */
[[nodiscard]] int nvme_queue_alloc(struct nvme *n, struct nvme_queue *q, u32 id, u32 entries);
void nvme_queue_free(struct nvme_queue *q);
/* Empties the rings, before the controller gets them. */
void nvme_queue_reset(struct nvme_queue *q);
/* Lock held. */
void nvme_queue_push(struct nvme_queue *q, const struct nvme_command *c);
void nvme_queue_ring(struct nvme_queue *q);
bool nvme_queue_pop(struct nvme_queue *q, struct nvme_completion *out);
void nvme_queue_ring_head(struct nvme_queue *q);
/* Without the lock: whether an answer waits. */
bool nvme_queue_ready(const struct nvme_queue *q);

/* nvme_complete.c. */
void nvme_interrupt(void *ctx);
void nvme_queue_work(struct work *w);
int nvme_error(u16 status);

/* nvme_io.c. */
extern const struct block_ops nvme_block_ops;
/* Memory of @slot's PRP list. */
u64 *nvme_list(const struct nvme_queue *q, u32 slot);

/* nvme_start.c: enabled, pairs created; not live. Tasks. */
[[nodiscard]] int nvme_start(struct nvme *n);
void nvme_go_live(struct nvme *n);
/* Takes the device from the bus: it reaches no memory any more. */
void nvme_cut_off(struct nvme *n);

/* nvme_recover.c: block_ops.recover. */
int nvme_recover(struct block_device *d);
