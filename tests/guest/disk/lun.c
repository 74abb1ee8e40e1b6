/* SPDX-License-Identifier: MIT */
/*
 * Answers lie in a page of their own. SPC-4 6.4, 6.11, 6.33 and 7.8.15; SBC-3 5.16 and 6.6.4.
 */
#include "tests/guest/disk/lun.h"

#include "base/errno.h"
#include "lib/string.h"
#include "tests/guest/lib/guest.h"

#define VPD_ID     0x83u
#define VPD_LIMITS 0xb0u
#define NAA_BINARY 0x01u
#define NAA_TYPE   0x03u

static u8 answer[4096] __aligned(4096);

static u32 be32(const u8 *p)
{
	return (u32)p[0] << 24 | (u32)p[1] << 16 | (u32)p[2] << 8 | p[3];
}

/* Bytes of the answer. */
static s64 ask(struct storvsc *s, u8 lun, const u8 *cdb, u8 size, u32 room)
{
	memset(answer, 0, sizeof(answer));
	return storvsc_command(s, lun, cdb, size, STORVSC_IN, answer, room);
}

/* A page of product data, of 255 bytes at most. */
static s64 product_data(struct storvsc *s, u8 lun, u8 page)
{
	const u8 cdb[6] = { 0x12, 1, page, 0, 255 };
	s64 r = ask(s, lun, cdb, sizeof(cdb), 255);

	return r >= 4 && answer[1] == page ? r : r < 0 ? r : -EPROTO;
}

/* The designator that is a number by NAA. */
static int find_id(struct storvsc *s, struct lun *l)
{
	s64 size = product_data(s, l->number, VPD_ID);

	if (size < 0)
		return (int)size;
	for (u32 at = 4; at + 4 + LUN_ID <= size; at += 4u + answer[at + 3]) {
		const u8 *d = answer + at;

		if ((d[0] & 15) != NAA_BINARY || (d[1] & 15) != NAA_TYPE || d[3] != LUN_ID)
			continue;
		memcpy(l->id, d + 4, LUN_ID);
		return 0;
	}
	return -ENOENT;
}

static int find_protection(struct storvsc *s, struct lun *l)
{
	static const u8 cdb[6] = { 0x1a, 0, 0x3f, 0, 4 };
	s64 r = ask(s, l->number, cdb, sizeof(cdb), 4);

	l->read_only = answer[2] & 0x80;
	return r == 4 ? 0 : r < 0 ? (int)r : -EPROTO;
}

static int find_provisioning(struct storvsc *s, struct lun *l)
{
	static const u8 cdb[16] = { 0x9e, 0x10, [13] = 32 };
	s64 r = ask(s, l->number, cdb, sizeof(cdb), 32);

	if (r < 0)
		return (int)r;
	l->unmaps = answer[14] & 0x80;
	r = product_data(s, l->number, VPD_LIMITS);
	l->max_unmap = be32(answer + 20);
	return r < 0 ? (int)r : 0;
}

static int describe(struct storvsc *s, struct lun *l)
{
	static const u8 inquiry[6] = { 0x12, 0, 0, 0, 36 };
	s64 r = ask(s, l->number, inquiry, sizeof(inquiry), 36);

	/* A disk, and it is there. */
	if (r != 36 || answer[0] != 0)
		return r < 0 ? (int)r : -EPROTO;
	r = storvsc_capacity(s, l->number, &l->d);
	if (r == 0)
		r = find_id(s, l);
	if (r == 0)
		r = find_protection(s, l);
	if (r == 0)
		r = find_provisioning(s, l);
	return (int)r;
}

int luns_find(struct storvsc *s, struct lun *luns)
{
	static const u8 cdb[12] = { 0xa0, [8] = 0x10 };
	s64 r = ask(s, 0, cdb, sizeof(cdb), sizeof(answer));
	u32 count;

	if (r < 8)
		return r < 0 ? (int)r : -EPROTO;
	count = MIN(be32(answer) / 8, LUNS_MAX);
	for (u32 i = 0; i < count; i++)
		luns[i] = (struct lun){ .number = answer[8 + 8 * i + 1] };
	for (u32 i = 0; i < count; i++) {
		int error = describe(s, &luns[i]);

		if (error != 0)
			return error;
	}
	return (int)count;
}

void lun_print(const struct lun *l)
{
	u64 id;

	memcpy(&id, l->id, sizeof(id));
	guest_print("LUN %u: %lu sectors of %u B, id %016lx%s%s\r\n", l->number, l->d.sectors,
		l->d.sector_size, __builtin_bswap64(id), l->read_only ? ", read-only" : "",
		l->unmaps ? ", unmaps" : "");
}

int lun_sum(struct storvsc *s, const struct lun *l, void *memory, char text[SHA256_TEXT])
{
	u32 step = (u32)LUN_STEP / l->d.sector_size;
	u8 digest[SHA256_SIZE];
	struct sha256 sum;

	sha256_begin(&sum);
	for (u64 at = 0; at < l->d.sectors; at += step) {
		u32 count = (u32)MIN(l->d.sectors - at, (u64)step);
		int r = storvsc_read(s, l->number, &l->d, at, memory, count);

		if (r != 0)
			return r;
		sha256_add(&sum, memory, (size_t)count * l->d.sector_size);
	}
	sha256_end(&sum, digest);
	sha256_text(digest, text);
	return 0;
}
