/* SPDX-License-Identifier: MIT */
/*
 * Block devices: asynchronous requests on memory by GPA, which the layer cuts
 * into pieces that the device can do, and puts together again. Nothing here
 * waits. Requests of one device are in no order but by flush: a flush that is
 * submitted after the completion of a write covers it.
 *
 * Drivers fill a struct block_device and its queues, and take pieces; others
 * make requests. Context: submission on any VP, in tasks or work; completion by
 * work (work.h) of the VP of the queue.
 */
#pragma once

#include "base/addr.h"
#include "base/types.h"
#include "lib/list.h"
#include "rootpart/timer.h"
#include "rootpart/work.h"
#include "x86/spinlock.h"

#define BLOCK_REQUEST_MAX  MIB  /* bytes of a request */
#define BLOCK_SEGMENTS_MAX 257u /* elements of its list */
#define BLOCK_NAME_SIZE    16u  /* "disk0", "disk0p1", "cd0" */
#define BLOCK_MODEL_SIZE   44u
#define BLOCK_HOLDER_SIZE  40u
#define BLOCK_TIMEOUT_NS   (5 * NS_PER_S) /* of a piece */

/* A stretch of memory. Any alignment and length that the request's sectors add up to. */
struct block_segment {
	gpa_t gpa;
	u32 len; /* bytes, not 0 */
};

enum block_op {
	BLOCK_READ, /* from the device */
	BLOCK_WRITE,
	BLOCK_FLUSH,   /* what was completed before is on the medium; no data */
	BLOCK_DISCARD, /* the contents are not needed any more; no data */
};

/* With BLOCK_WRITE: on the medium before it completes. */
#define BLOCK_FUA BIT(0)
/* With BLOCK_READ, BLOCK_WRITE: the list is longer than the data, which begins @skip bytes into it. */
#define BLOCK_PART BIT(1)

struct block_device;
struct block_queue; /* block_queue.h's */
struct block_watch; /* block_watch.c's */

/* The caller's, until done() is called. */
struct block_request {
	/* By the caller; constant meanwhile. */
	enum block_op op;
	u32 flags;
	u64 sector; /* first, in units of the device's sector size */
	u64 bytes;  /* READ, WRITE: up to BLOCK_REQUEST_MAX; DISCARD: any number of sectors */
	const struct block_segment *segments;
	u32 segment_count;
	u32 skip; /* with BLOCK_PART */
	/*
	 * Called once, never inside block_submit(). error: 0; -EINVAL: sizes, sectors,
	 * segments, memory that is no RAM; -EROFS; -ENOTSUP: no discard; -EIO: the device's,
	 * the first that came; -ETIMEDOUT: it did not answer; -ENODEV: it is off line;
	 * -ECANCELED.
	 */
	void (*done)(struct block_request *r);
	int error;

	/* The layer's; its queue's lock. */
	struct list_node link; /* of those that wait, or of those that have ended */
	struct block_device *device;
	struct block_queue *queue;
	u64 next;    /* bytes that are in pieces */
	u32 pieces;  /* under way */
	u32 segment; /* where the next piece begins */
	u32 segment_offset;
	bool flush; /* a flush is, or ends, it: not begun */
	bool ended; /* done() is about to be called */
};

/* The most that a device does at a time, and what it can. */
struct block_limits {
	u32 sector_size; /* bytes: 512, 2048 or 4096 */
	u64 sectors;     /* of a removable medium: 0 without one, may change; atomic */
	u32 max_bytes;   /* of a piece; a multiple of the sector size */
	u32 max_segments;
	u32 max_segment;  /* bytes of one, 0: any */
	u64 boundary;     /* that no segment crosses: 64 KiB for IDE; 0: none */
	u64 address_mask; /* ones: bits that a GPA may have */
	u32 align;        /* of a segment's address and length: 1, 2, 4, ... */
	bool page_list; /* as NVMe: only the first may begin, and only the last end, within a page */
	bool fua;
	bool write_cache; /* else flushes are done at once */
	bool read_only;
	bool removable;
	u64 max_discard; /* bytes of a piece, 0: none */
};

/*
 * What a driver does at once: as the limits say. The piece stays until
 * block_piece_done(), the list @segments only while start() runs; the memory that
 * it names is within the device's reach, and pinned, until block_piece_done().
 */
struct block_piece {
	struct block_request *request;
	enum block_op op;
	bool fua;
	u64 sector;
	u64 bytes;
	const struct block_segment *segments;
	u32 segment_count;
	u32 tag; /* 0 to depth - 1, of no other piece of the queue that is under way */
};

struct block_ops {
	/*
	 * Starts @piece on queue @queue. The queue's lock is held, interrupts off; no
	 * more than depth are under way. A refusal is block_piece_done() with its error, later.
	 */
	void (*start)(struct block_device *d, u32 queue, const struct block_piece *piece);
	/* All that was started since the last call is to begin: the doorbell. May be NULL. */
	void (*kick)(struct block_device *d, u32 queue);
	/*
	 * A piece has been under way for too long. In a task, which may wait for bounded
	 * time: takes all pieces of all queues back from the device, so that it touches
	 * none of their memory, ends them with block_piece_done(-ETIMEDOUT), and resets the
	 * device. Not 0: it cannot be used any more, and goes off line.
	 */
	int (*recover)(struct block_device *d);
};

struct block_stats {
	u64 reads, writes, flushes, discards; /* requests that completed */
	u64 read_bytes, written_bytes;
	u64 errors;
	u64 pieces;
	u64 bounced; /* pieces by way of memory of ours */
	u64 timeouts;
	u64 resets;
};

/* A driver's, or a partition of one. Constant after block_register() but where it says. */
struct block_device {
	char name[BLOCK_NAME_SIZE]; /* block_register() gives it */
	char model[BLOCK_MODEL_SIZE];
	char serial[24];
	const char *driver;
	struct block_limits limits;
	u32 queue_count; /* queue i completes on VP i % VPs, or as the driver asked for */
	u32 depth;       /* of each queue */
	const struct block_ops *ops;
	void *driver_data;

	/* The layer's. */
	struct block_queue *queues;
	struct block_watch *watch;
	struct block_device *parent;    /* of a partition */
	u64 first;                      /* its first sector there */
	char holder[BLOCK_HOLDER_SIZE]; /* "": none; the list's lock */
	bool offline;                   /* any VP, atomic; a disk's holds for its partitions */
	struct list_node link;
};

/*
 * Registers a device that works, as "disk0", "disk1" in the order of calls, or "cd0"; its
 * partitions are looked for later, by block_scan_partitions(). Tasks. -ENOMEM; -EINVAL:
 * limits that make no sense, a bug of the driver's.
 */
[[nodiscard]] int block_register(struct block_device *d, bool cd);
/* Reads partition tables, registers partitions; waits. */
void block_scan_partitions(void);
/* All of them, disks with their partitions behind them; for listings. NULL behind the last. */
struct block_device *block_next(const struct block_device *d);
struct block_device *block_find(const char *name);
void block_stats_get(const struct block_device *d, struct block_stats *stats);

/*
 * Whoever mounts or writes a device, or has a VM do it, holds it, and with it the disk that it
 * is a part of, or all of its partitions. @holder: who, as an error tells it: "VM web". 0;
 * -EBUSY: *@other holds it, or a part of it. Tasks.
 */
[[nodiscard]] int block_hold(
	struct block_device *d, const char *holder, char other[BLOCK_HOLDER_SIZE]);
void block_let_go(struct block_device *d);

/* Starts @r, or has it wait for its turn. Any VP; tasks, and work. */
void block_submit(struct block_device *d, struct block_request *r);
/* As block_submit(), but nothing is done: done() hears of @error. */
void block_end(struct block_device *d, struct block_request *r, int error);
/*
 * What of @r has not begun ends with -ECANCELED; done() is called in any case. Before it:
 * on the VP where it will be called, or with a lock held that done() takes, too.
 */
void block_cancel(struct block_request *r);
/*
 * What any VP submits to the calling VP's queue of @d meanwhile is started, and
 * the device hears of it all at once by the last block_unplug(). They nest; nobody
 * waits between them. What done() submits is between two of them already.
 */
void block_plug(struct block_device *d);
void block_unplug(struct block_device *d);

/* For tasks: one request, on memory of the kernel's (direct map); returns its error. */
[[nodiscard]] int block_read(struct block_device *d, u64 sector, void *buf, u64 bytes);
[[nodiscard]] int block_write(
	struct block_device *d, u64 sector, const void *buf, u64 bytes, u32 flags);
[[nodiscard]] int block_flush(struct block_device *d);
/* True if block_read() and block_write() take @buf: it is in the direct map. */
bool block_is_direct(const void *buf);

/*
 * For drivers, any context: the device is broken, or answers what makes no sense;
 * ops->recover() is called soon, as if a piece had been under way for too long.
 */
void block_ask_recover(struct block_device *d);
/*
 * For drivers: piece @tag of @queue has ended; the device does not touch its memory any
 * more. On the queue's VP, in work; or anywhere by recover().
 */
void block_piece_done(struct block_device *d, u32 queue, u32 tag, int error);
