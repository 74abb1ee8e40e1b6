/* SPDX-License-Identifier: MIT */
/*
 * Packets and their answers; see atapi.h. Numbers in packets are big-endian.
 */
#include "rootpart/drivers/ata_common/atapi.h"

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
