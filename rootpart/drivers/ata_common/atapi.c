/* SPDX-License-Identifier: MIT */
/*
 * Packets and their answers; see atapi.h. Numbers in packets are big-endian.
 */
#include "rootpart/drivers/ata_common/atapi.h"

#include "base/errno.h"
#include "rootpart/task.h"
#include "rootpart/time.h"

#define TEST_UNIT_READY 0x00u
#define REQUEST_SENSE   0x03u
#define READ_CAPACITY   0x25u
#define READ_10         0x28u

/* Sense keys, and the codes that tell more. */
#define KEY_NONE      0x0u
#define KEY_RECOVERED 0x1u
#define KEY_NOT_READY 0x2u
#define KEY_ATTENTION 0x6u
#define ASC_NOT_READY 0x04u
#define ASC_CHANGED   0x28u
#define ASC_NO_MEDIUM 0x3au

#define SOON_NS       (50 * NS_PER_MS)
#define ATTENTIONS    8u /* that a drive may have in a row */

struct atapi_packet atapi_test_unit_ready(void)
{
	return (struct atapi_packet){ .bytes = { TEST_UNIT_READY } };
}

struct atapi_packet atapi_request_sense(void)
{
	return (struct atapi_packet){ .bytes = { REQUEST_SENSE, [4] = ATAPI_SENSE } };
}

struct atapi_packet atapi_read_capacity(void)
{
	return (struct atapi_packet){ .bytes = { READ_CAPACITY } };
}

struct atapi_packet atapi_read(u32 sector, u16 count)
{
	return (struct atapi_packet){
		.bytes = { READ_10, 0, (u8)(sector >> 24), (u8)(sector >> 16), (u8)(sector >> 8),
			(u8)sector, 0, (u8)(count >> 8), (u8)count },
	};
}

enum atapi_verdict atapi_sense(const u8 sense[ATAPI_SENSE])
{
	u8 code = sense[0] & 0x7f;
	u8 key = sense[2] & 0xf;
	u8 asc = sense[12];

	if (code != 0x70 && code != 0x71)
		return ATAPI_FAILED;
	switch (key) {
	case KEY_NONE:
	case KEY_RECOVERED:
		return ATAPI_FINE;
	case KEY_NOT_READY:
		if (asc == ASC_NO_MEDIUM)
			return ATAPI_ABSENT;
		return asc == ASC_NOT_READY ? ATAPI_SOON : ATAPI_FAILED;
	case KEY_ATTENTION:
		return asc == ASC_CHANGED ? ATAPI_CHANGED : ATAPI_RESET;
	default:
		return ATAPI_FAILED;
	}
}

enum atapi_verdict atapi_ask(struct atapi_drive *d)
{
	const struct atapi_packet packet = atapi_request_sense();
	u8 sense[ATAPI_SENSE] = { 0 };

	if (d->send(d, &packet, sense, sizeof(sense)) != 0)
		return ATAPI_FAILED;
	return atapi_sense(sense);
}

/* 0; -EAGAIN: ask again; or what it is. */
static int test(struct atapi_drive *d)
{
	const struct atapi_packet packet = atapi_test_unit_ready();
	int error = d->send(d, &packet, NULL, 0);

	if (error != -EIO)
		return error;
	switch (atapi_ask(d)) {
	case ATAPI_FINE:
	case ATAPI_RESET:
	case ATAPI_CHANGED:
		return -EAGAIN;
	case ATAPI_SOON:
		task_sleep_ns(SOON_NS);
		return -EBUSY;
	case ATAPI_ABSENT:
		return -ENOMEDIUM;
	default:
		return -EIO;
	}
}

static int wait_ready(struct atapi_drive *d, u64 deadline_ns)
{
	u32 attentions = 0;

	for (;;) {
		int error = test(d);

		if (error == -EAGAIN && ++attentions > ATTENTIONS)
			return -EIO;
		if (error != -EAGAIN && error != -EBUSY)
			return error;
		if (time_ns() >= deadline_ns)
			return -ENOMEDIUM;
	}
}

static u32 be32(const u8 *p)
{
	return (u32)p[0] << 24 | (u32)p[1] << 16 | (u32)p[2] << 8 | p[3];
}

int atapi_open(struct atapi_drive *d, u64 deadline_ns, u64 *sectors)
{
	const struct atapi_packet packet = atapi_read_capacity();
	u8 capacity[ATAPI_CAPACITY] = { 0 };
	int error = wait_ready(d, deadline_ns);

	if (error != 0)
		return error;
	error = d->send(d, &packet, capacity, sizeof(capacity));
	if (error != 0)
		return error;
	/* The last sector's number; drives that know no better say 2,352 or 0 for a size. */
	if (be32(capacity + 4) != ATAPI_SECTOR)
		return -EPROTO;
	*sectors = (u64)be32(capacity) + 1;
	return 0;
}
