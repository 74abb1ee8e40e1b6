/* SPDX-License-Identifier: MIT */
/*
 * Packets for CD and DVD drives, and what they answer. MMC-3; SPC-3.
 */
#pragma once

#include "base/types.h"
#include "rootpart/time.h"

#define ATAPI_PACKET   16u /* bytes; of 12 the first */
#define ATAPI_SECTOR   2048u
#define ATAPI_SENSE    18u /* bytes of sense data that we ask for */
#define ATAPI_CAPACITY 8u

struct atapi_packet {
	u8 bytes[ATAPI_PACKET];
};

struct atapi_packet atapi_test_unit_ready(void);
struct atapi_packet atapi_request_sense(void);
struct atapi_packet atapi_read_capacity(void);
struct atapi_packet atapi_read(u32 sector, u16 count);

/* What a failed packet means. */
enum atapi_verdict {
	ATAPI_FINE,    /* nothing to complain about: do it again */
	ATAPI_RESET,   /* the drive was reset, or something of little concern: do it again */
	ATAPI_CHANGED, /* another medium, perhaps */
	ATAPI_SOON,    /* it is being brought up */
	ATAPI_ABSENT,  /* no medium */
	ATAPI_FAILED,
};

enum atapi_verdict atapi_sense(const u8 sense[ATAPI_SENSE]);

struct block_device;

/* How a drive is asked. */
struct atapi_drive {
	struct block_device *block; /* whose number of sectors tells whether there is a medium */
	/*
	 * Sends @packet, has up to @bytes (512 at most) of the answer in @data. Tasks;
	 * in bounded time. 0; -EIO: check condition; others: it does not work at all.
	 */
	int (*send)(
		struct atapi_drive *d, const struct atapi_packet *packet, void *data, u32 bytes);
};

/*
 * atapi_medium.c. A medium may go and come: without one the block device has no
 * sectors, and its driver looks every few seconds, as long as it says so.
 */
#define ATAPI_LOOK_NS (2 * NS_PER_S)

/* Waits for a medium, so long; finds out its size. */
void atapi_open(struct atapi_drive *d, u64 timeout_ns);
/* What to do about a packet that failed: 0 do it again, else its error. */
[[nodiscard]] int atapi_failed(struct atapi_drive *d);
bool atapi_empty(const struct atapi_drive *d);
/* Looks for a medium where there was none. */
void atapi_look(struct atapi_drive *d);
