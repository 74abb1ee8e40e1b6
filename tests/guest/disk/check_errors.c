/* SPDX-License-Identifier: MIT */
/*
 * What cannot be is refused with the sense data that a driver acts upon, and changes nothing.
 */
#include "base/errno.h"
#include "lib/string.h"
#include "tests/guest/disk/check.h"
#include "tests/guest/lib/guest.h"

/* Key, code and qualifier. */
#define INVALID_OPCODE   0x52000u
#define LBA_OUT_OF_RANGE 0x52100u
#define INVALID_CDB      0x52400u
#define WRITE_PROTECTED  0x72700u

#define ABSENT           15u   /* a number that the tests' VMs have no disk of */
#define NO_DEVICE        0x7fu /* of INQUIRY */

static u8 page[4096] __aligned(4096);

static u32 sense_of(const struct storvsc *s)
{
	if (s->srb_status != (SRB_ERROR | SRB_SENSE_VALID))
		return 0;
	return (s->sense[2] & 15u) << 16 | (u32)s->sense[12] << 8 | s->sense[13];
}

/* @r is what a command came to that is to fail so. */
static void fails(const struct storvsc *s, const struct lun *l, s64 r, u32 sense, const char *what)
{
	check_is(r == -EIO && sense_of(s) == sense, l, what, r < 0 ? sense_of(s) : r);
}

static void check_range(struct storvsc *s, const struct lun *l)
{
	u64 end = l->d.sectors;

	fails(s, l, storvsc_read(s, l->number, &l->d, end, page, 1), LBA_OUT_OF_RANGE, "past-end");
	if (2 * l->d.sector_size <= sizeof(page))
		fails(s, l, storvsc_read(s, l->number, &l->d, end - 1, page, 2), LBA_OUT_OF_RANGE,
			"over-end");
	fails(s, l, storvsc_read(s, l->number, &l->d, ~0ull, page, 1), LBA_OUT_OF_RANGE,
		"far-past-end");
	if (l->read_only)
		return;
	fails(s, l, storvsc_write(s, l->number, &l->d, end, page, 1), LBA_OUT_OF_RANGE,
		"write-past-end");
	fails(s, l, storvsc_write(s, l->number, &l->d, ~0ull, page, 1), LBA_OUT_OF_RANGE,
		"write-far-past-end");
}

/* Less memory than the command's sectors, and a command that no disk has. */
static void check_nonsense(struct storvsc *s, const struct lun *l)
{
	static const u8 unknown[6] = { 0xff };
	u8 two[16] = { 0x88, [13] = 2 };

	fails(s, l,
		storvsc_command(s, l->number, two, sizeof(two), STORVSC_IN, page, l->d.sector_size),
		INVALID_CDB, "too-little-memory");
	fails(s, l, storvsc_command(s, l->number, unknown, sizeof(unknown), STORVSC_NONE, NULL, 0),
		INVALID_OPCODE, "unknown-command");
}

static void check_absent(struct storvsc *s, const struct lun *l)
{
	static const u8 inquiry[6] = { 0x12, 0, 0, 0, 36 };
	struct storvsc_disk d;
	s64 r = storvsc_capacity(s, ABSENT, &d);

	check_is(r == -ENODEV, l, "absent", r);
	r = storvsc_command(s, ABSENT, inquiry, sizeof(inquiry), STORVSC_IN, page, 36);
	check_is(r == 36 && page[0] == NO_DEVICE, l, "absent-inquiry", r);
}

void check_errors(struct storvsc *s, const struct lun *l)
{
	check_range(s, l);
	check_nonsense(s, l);
	check_absent(s, l);
	/* And it goes on as if nothing had been. */
	check_is(storvsc_read(s, l->number, &l->d, l->d.sectors - 1, page, 1) == 0, l, "last", 0);
}

void check_read_only(struct storvsc *s, const struct lun *l)
{
	memset(page, 0x5a, sizeof(page));
	fails(s, l, storvsc_write(s, l->number, &l->d, 0, page, 1), WRITE_PROTECTED, "protected");
	check_is(storvsc_flush(s, l->number) == 0, l, "protected-flush", 0);
}
