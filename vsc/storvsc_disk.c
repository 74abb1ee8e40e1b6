/* SPDX-License-Identifier: MIT */
/*
 * One command at a time, waited for: what a kernel needs of a disk at first. SBC-3 5.13, 5.16, 5.29, 5.33.
 */
#include "base/errno.h"
#include "lib/string.h"
#include "vsc/storvsc.h"

/* When there is room for it. */
static int submit(struct storvsc *s, struct storvsc_request *r)
{
	int error = storvsc_submit(s, r);

	while (error == -EAGAIN) {
		error = storvsc_poll(s);
		if (error == 0)
			s->wait(s->context);
		if (error >= 0)
			error = storvsc_submit(s, r);
	}
	return error;
}

/* To its end. */
static s64 perform(struct storvsc *s, struct storvsc_request *r)
{
	int error = submit(s, r);
	s64 result = error != 0 ? error : storvsc_finish(s, r);

	s->srb_status = r->srb_status;
	memcpy(s->sense, r->sense, sizeof(s->sense));
	return result;
}

s64 storvsc_command(struct storvsc *s, u8 lun, const u8 *cdb, u8 cdb_size,
	enum storvsc_direction direction, void *data, u32 bytes)
{
	struct storvsc_request r = { .lun = lun,
		.cdb_size = cdb_size,
		.direction = direction,
		.data = data,
		.bytes = bytes };

	memcpy(r.cdb, cdb, MIN(cdb_size, STORVSC_CDB_MAX));
	return perform(s, &r);
}

static void put_be32(u8 *p, u32 v)
{
	v = __builtin_bswap32(v);
	memcpy(p, &v, sizeof(v));
}

static void put_be64(u8 *p, u64 v)
{
	v = __builtin_bswap64(v);
	memcpy(p, &v, sizeof(v));
}

int storvsc_capacity(struct storvsc *s, u8 lun, struct storvsc_disk *d)
{
	u8 cdb[STORVSC_CDB_MAX] = { 0x9e, 0x10 };
	u64 last;
	u32 size;
	s64 r;

	cdb[13] = sizeof(s->buffer);
	r = storvsc_command(s, lun, cdb, sizeof(cdb), STORVSC_IN, s->buffer, sizeof(s->buffer));
	if (r < 0)
		return (int)r;
	if (r < 12)
		return -EPROTO;
	memcpy(&last, s->buffer, sizeof(last));
	memcpy(&size, s->buffer + 8, sizeof(size));
	*d = (struct storvsc_disk){ __builtin_bswap64(last) + 1, __builtin_bswap32(size) };
	return 0;
}

void storvsc_transfer(struct storvsc_request *r, u8 lun, const struct storvsc_disk *d, bool write,
	u64 sector, void *data, u32 sectors)
{
	*r = (struct storvsc_request){ .lun = lun,
		.cdb_size = STORVSC_CDB_MAX,
		.cdb = { write ? 0x8a : 0x88 },
		.direction = write ? STORVSC_OUT : STORVSC_IN,
		.data = data,
		.bytes = sectors * d->sector_size };
	put_be64(r->cdb + 2, sector);
	put_be32(r->cdb + 10, sectors);
}

/* All of it, or it failed. */
static int transfer(struct storvsc *s, struct storvsc_request *r)
{
	s64 moved = perform(s, r);

	if (moved < 0)
		return (int)moved;
	return moved == r->bytes ? 0 : -EIO;
}

int storvsc_read(struct storvsc *s, u8 lun, const struct storvsc_disk *d, u64 sector, void *data,
	u32 sectors)
{
	struct storvsc_request r;

	storvsc_transfer(&r, lun, d, false, sector, data, sectors);
	return transfer(s, &r);
}

int storvsc_write(struct storvsc *s, u8 lun, const struct storvsc_disk *d, u64 sector,
	const void *data, u32 sectors)
{
	struct storvsc_request r;

	storvsc_transfer(&r, lun, d, true, sector, (void *)(uintptr_t)data, sectors);
	return transfer(s, &r);
}

int storvsc_flush(struct storvsc *s, u8 lun)
{
	const u8 cdb[STORVSC_CDB_MAX] = { 0x91 };
	s64 r = storvsc_command(s, lun, cdb, sizeof(cdb), STORVSC_NONE, NULL, 0);

	return r < 0 ? (int)r : 0;
}
