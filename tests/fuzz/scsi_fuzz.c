/* SPDX-License-Identifier: MIT */
/*
 * Any command block, with any length and direction, to any disk, or to none: what is answered fits into what the guest has
 * room for, and what is asked of the disk lies within it.
 * sources: vsp/storvsp/scsi.c vsp/storvsp/scsi_answers.c lib/string.c
 */
#include <stdlib.h>

#include "base/errno.h"
#include "tests/fuzz/fuzz_input.h"
#include "vsp/storvsp/scsi.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static struct vsp_disk disk;

static void must(bool it)
{
	if (!it)
		__builtin_trap();
}

static void check_answer(const struct scsi_command *c, const struct scsi_result *r)
{
	must(r->status == SCSI_GOOD || r->status == SCSI_CHECK_CONDITION);
	must(r->data_length <= c->length);
	if (r->status == SCSI_GOOD)
		return;
	must(r->data_length == 0 && r->sense[0] == 0x70 && r->sense[2] != 0);
	must(r->sense[7] == SCSI_SENSE_SIZE - 8);
}

static void check_medium(const struct scsi_command *c, const struct scsi_result *r)
{
	must(r->status == SCSI_GOOD);
	if (r->op == VSP_DISK_FLUSH) {
		must(disk.write_cache && !disk.read_only);
		return;
	}
	must(r->bytes > 0 && r->bytes % disk.sector_size == 0 && r->sector < disk.sectors);
	must(r->bytes / disk.sector_size <= disk.sectors - r->sector);
	must(r->op == VSP_DISK_READ || !disk.read_only);
	if (r->op == VSP_DISK_DISCARD) {
		must(r->bytes <= disk.max_discard);
		return;
	}
	must(r->bytes == c->length && r->bytes <= VSP_DISK_BYTES_MAX);
	must(c->direction == (r->op == VSP_DISK_READ ? SCSI_DATA_IN : SCSI_DATA_OUT));
}

static void check_result(const struct scsi_command *c, struct scsi_result *r, int error)
{
	if (r->next == SCSI_MEDIUM) {
		check_medium(c, r);
		scsi_end(c, error, r);
		must((r->status == SCSI_GOOD) == (error == 0));
	}
	must(r->next == SCSI_ANSWER);
	check_answer(c, r);
}

static void make_disk(struct fuzz_input *in)
{
	u8 kind = input_u8(in);

	disk = (struct vsp_disk){ .sector_size = kind & 1 ? 4096 : 512,
		.sectors = kind & 2 ? 1ull << (input_u8(in) % 52) : 1 + input_u32(in),
		.read_only = kind & 4,
		.write_cache = kind & 8,
		.max_discard = kind & 16 ? (u64)input_u16(in) << 12 : 0 };
	input_bytes(in, disk.id, sizeof(disk.id));
}

/* Parameters in memory that is just so long. */
static void parameters(struct fuzz_input *in, const struct scsi_unit *unit,
	const struct scsi_command *c, struct scsi_result *r)
{
	u32 size = MIN(input_u8(in), c->length);
	u8 *data = malloc(size > 0 ? size : 1);

	must(data != NULL);
	input_bytes(in, data, size);
	scsi_parameters(unit, c, data, size, r);
	must(r->next != SCSI_PARAMETERS);
	free(data);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static const int errors[] = { 0, -EIO, -ETIMEDOUT, -ENOSPC, -EROFS, -ENODEV, -EINVAL,
		-ENOMEM };
	struct fuzz_input in = { data, size };
	struct scsi_command c = { .length = 0 };
	struct scsi_result r;
	struct scsi_unit unit;
	u8 luns[64], how;

	make_disk(&in);
	how = input_u8(&in);
	for (u32 i = 0; i < sizeof(luns); i++)
		luns[i] = (u8)i;
	unit = (struct scsi_unit){ how & 1 ? NULL : &disk, luns, how >> 1 & 63 };
	c.direction = (enum scsi_direction)(input_u8(&in) % 3);
	c.length = input_u32(&in);
	input_bytes(&in, c.cdb, sizeof(c.cdb));
	scsi_begin(&unit, &c, &r);
	if (r.next == SCSI_PARAMETERS)
		parameters(&in, &unit, &c, &r);
	check_result(&c, &r, errors[input_u8(&in) % ARRAY_SIZE(errors)]);
	return 0;
}
