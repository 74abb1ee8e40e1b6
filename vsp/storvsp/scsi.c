/* SPDX-License-Identifier: MIT */
/*
 * One table of commands. What is wrong with one is said by sense data; the disk's own numbers decide what is
 * asked of it, never the guest's alone.
 */
#include "vsp/storvsp/scsi.h"

#include "base/errno.h"
#include "lib/string.h"
#include "vsp/storvsp/scsi_answers.h"

/* Sense key, additional code and qualifier. */
#define SENSE(key, code, qualifier) ((u32)(key) << 16 | (u32)(code) << 8 | (qualifier))
#define INVALID_OPCODE              SENSE(0x5, 0x20, 0x00)
#define LBA_OUT_OF_RANGE            SENSE(0x5, 0x21, 0x00)
#define INVALID_CDB                 SENSE(0x5, 0x24, 0x00)
#define NO_SUCH_UNIT                SENSE(0x5, 0x25, 0x00)
#define INVALID_PARAMETER           SENSE(0x5, 0x26, 0x00)
#define LIST_TOO_SHORT              SENSE(0x5, 0x1a, 0x00)
#define WRITE_PROTECTED             SENSE(0x7, 0x27, 0x00)
#define NO_SPACE                    SENSE(0x7, 0x27, 0x07)
#define READ_FAILED                 SENSE(0x3, 0x11, 0x00)
#define WRITE_FAILED                SENSE(0x3, 0x0c, 0x00)
#define TARGET_FAILED               SENSE(0x4, 0x44, 0x00)
#define ABORTED                     SENSE(0xb, 0x00, 0x00)

#define UNMAP_HEAD                  8u
#define UNMAP_DESCRIPTOR            16u

static void good(struct scsi_result *r)
{
	r->next = SCSI_ANSWER;
	r->status = SCSI_GOOD;
}

static void fail(struct scsi_result *r, u32 sense)
{
	r->next = SCSI_ANSWER;
	r->status = SCSI_CHECK_CONDITION;
	r->data_length = 0;
	memset(r->sense, 0, sizeof(r->sense));
	r->sense[0] = 0x70; /* current, fixed */
	r->sense[2] = (u8)(sense >> 16);
	r->sense[7] = SCSI_SENSE_SIZE - 8;
	r->sense[12] = (u8)(sense >> 8);
	r->sense[13] = (u8)sense;
}

/* @size bytes of r->data, as many as the command's own number and the guest have room for. */
static void answer(struct scsi_result *r, const struct scsi_command *c, u32 size, u32 room)
{
	good(r);
	r->data_length = MIN(MIN(size, room), c->length);
}

static void medium(struct scsi_result *r, enum vsp_disk_op op, u64 sector, u64 bytes)
{
	r->next = SCSI_MEDIUM;
	r->status = SCSI_GOOD;
	r->op = op;
	r->sector = sector;
	r->bytes = bytes;
}

static void test_unit_ready(
	const struct scsi_unit *unit, const struct scsi_command *c, struct scsi_result *r)
{
	(void)unit;
	(void)c;
	good(r);
}

/* There is never any: it comes with the command that failed. */
static void request_sense(
	const struct scsi_unit *unit, const struct scsi_command *c, struct scsi_result *r)
{
	(void)unit;
	r->data[0] = 0x70;
	r->data[7] = SCSI_SENSE_SIZE - 8;
	answer(r, c, SCSI_SENSE_SIZE, c->cdb[4]);
}

static void inquiry(
	const struct scsi_unit *unit, const struct scsi_command *c, struct scsi_result *r)
{
	u32 room = get_be16(c->cdb + 3), size;

	if (c->cdb[1] & 1) {
		size = unit->disk != NULL ? scsi_vpd(unit->disk, c->cdb[2], r->data) : 0;
		if (size == 0)
			fail(r, INVALID_CDB);
		else
			answer(r, c, size, room);
		return;
	}
	if (c->cdb[2] != 0)
		fail(r, INVALID_CDB);
	else
		answer(r, c, scsi_inquiry(unit->disk, r->data), room);
}

static void report_luns(
	const struct scsi_unit *unit, const struct scsi_command *c, struct scsi_result *r)
{
	u32 room = get_be32(c->cdb + 6);
	/* As many as there is memory for: 63. */
	u32 count = MIN(unit->lun_count, (SCSI_DATA_MAX - 8) / 8);

	put_be32(r->data, count * 8);
	for (u32 i = 0; i < count; i++)
		r->data[8 + i * 8 + 1] = unit->luns[i];
	answer(r, c, 8 + count * 8, room);
}

static void mode_sense_6(
	const struct scsi_unit *unit, const struct scsi_command *c, struct scsi_result *r)
{
	u32 size = scsi_mode_pages(unit->disk, c->cdb[2], r->data + 4);

	if (size == 0) {
		fail(r, INVALID_CDB);
		return;
	}
	r->data[0] = (u8)(4 + size - 1);
	r->data[2] = scsi_mode_flags(unit->disk);
	answer(r, c, 4 + size, c->cdb[4]);
}

static void mode_sense_10(
	const struct scsi_unit *unit, const struct scsi_command *c, struct scsi_result *r)
{
	u32 size = scsi_mode_pages(unit->disk, c->cdb[2], r->data + 8);

	if (size == 0) {
		fail(r, INVALID_CDB);
		return;
	}
	put_be16(r->data, (u16)(8 + size - 2));
	r->data[3] = scsi_mode_flags(unit->disk);
	answer(r, c, 8 + size, get_be16(c->cdb + 7));
}

static void read_capacity_10(
	const struct scsi_unit *unit, const struct scsi_command *c, struct scsi_result *r)
{
	put_be32(r->data, (u32)MIN(unit->disk->sectors - 1, 0xffffffffull));
	put_be32(r->data + 4, unit->disk->sector_size);
	answer(r, c, 8, 8);
}

static void read_capacity_16(
	const struct scsi_unit *unit, const struct scsi_command *c, struct scsi_result *r)
{
	if ((c->cdb[1] & 0x1f) != 0x10) {
		fail(r, INVALID_CDB);
		return;
	}
	put_be64(r->data, unit->disk->sectors - 1);
	put_be32(r->data + 8, unit->disk->sector_size);
	r->data[14] = unit->disk->max_discard != 0 ? 0x80 : 0;
	answer(r, c, 32, get_be32(c->cdb + 10));
}

/* Reads and writes @count sectors. */
static void transfer(const struct scsi_unit *unit, const struct scsi_command *c,
	struct scsi_result *r, bool write, u64 lba, u64 count)
{
	const struct vsp_disk *d = unit->disk;
	u64 bytes = count * d->sector_size;

	if (write && d->read_only)
		fail(r, WRITE_PROTECTED);
	else if (lba > d->sectors || count > d->sectors - lba)
		fail(r, LBA_OUT_OF_RANGE);
	else if (count == 0)
		good(r);
	else if (bytes > VSP_DISK_BYTES_MAX || bytes != c->length ||
		 c->direction != (write ? SCSI_DATA_OUT : SCSI_DATA_IN))
		fail(r, INVALID_CDB);
	else
		medium(r, write ? VSP_DISK_WRITE : VSP_DISK_READ, lba, bytes);
	r->fua = write && (c->cdb[1] & BIT(3));
}

static void read_10(
	const struct scsi_unit *unit, const struct scsi_command *c, struct scsi_result *r)
{
	transfer(unit, c, r, false, get_be32(c->cdb + 2), get_be16(c->cdb + 7));
}

static void write_10(
	const struct scsi_unit *unit, const struct scsi_command *c, struct scsi_result *r)
{
	transfer(unit, c, r, true, get_be32(c->cdb + 2), get_be16(c->cdb + 7));
}

static void read_16(
	const struct scsi_unit *unit, const struct scsi_command *c, struct scsi_result *r)
{
	transfer(unit, c, r, false, get_be64(c->cdb + 2), get_be32(c->cdb + 10));
}

static void write_16(
	const struct scsi_unit *unit, const struct scsi_command *c, struct scsi_result *r)
{
	transfer(unit, c, r, true, get_be64(c->cdb + 2), get_be32(c->cdb + 10));
}

/* All of the cache, whatever part is asked for. */
static void synchronize_cache(
	const struct scsi_unit *unit, const struct scsi_command *c, struct scsi_result *r)
{
	(void)c;
	if (unit->disk->write_cache && !unit->disk->read_only)
		medium(r, VSP_DISK_FLUSH, 0, 0);
	else
		good(r);
}

static void unmap(const struct scsi_unit *unit, const struct scsi_command *c, struct scsi_result *r)
{
	u32 size = get_be16(c->cdb + 7);

	if (unit->disk->max_discard == 0)
		fail(r, INVALID_OPCODE);
	else if (unit->disk->read_only)
		fail(r, WRITE_PROTECTED);
	else if (size == 0)
		good(r);
	else if (c->direction != SCSI_DATA_OUT || size > c->length || size > SCSI_PARAM_MAX)
		fail(r, INVALID_CDB);
	else
		r->next = SCSI_PARAMETERS;
}

/* @needs: nothing else of a unit that is not there is answered. */
static const struct command {
	u8 opcode;
	bool needs_unit;
	void (*run)(
		const struct scsi_unit *unit, const struct scsi_command *c, struct scsi_result *r);
} commands[] = {
	{ 0x00, true, test_unit_ready },
	{ 0x03, false, request_sense },
	{ 0x12, false, inquiry },
	{ 0x1a, true, mode_sense_6 },
	{ 0x1b, true, test_unit_ready }, /* START STOP UNIT */
	{ 0x1e, true, test_unit_ready }, /* PREVENT ALLOW MEDIUM REMOVAL */
	{ 0x25, true, read_capacity_10 },
	{ 0x28, true, read_10 },
	{ 0x2a, true, write_10 },
	{ 0x35, true, synchronize_cache },
	{ 0x42, true, unmap },
	{ 0x5a, true, mode_sense_10 },
	{ 0x88, true, read_16 },
	{ 0x8a, true, write_16 },
	{ 0x91, true, synchronize_cache },
	{ 0x9e, true, read_capacity_16 },
	{ 0xa0, false, report_luns },
};

static const struct command *find(u8 opcode)
{
	for (u32 i = 0; i < ARRAY_SIZE(commands); i++) {
		if (commands[i].opcode == opcode)
			return &commands[i];
	}
	return NULL;
}

void scsi_begin(const struct scsi_unit *unit, const struct scsi_command *c, struct scsi_result *r)
{
	const struct command *command = find(c->cdb[0]);

	memset(r, 0, sizeof(*r));
	if (unit->disk == NULL && (command == NULL || command->needs_unit))
		fail(r, NO_SUCH_UNIT);
	else if (command == NULL)
		fail(r, INVALID_OPCODE);
	else
		command->run(unit, c, r);
}

void scsi_parameters(const struct scsi_unit *unit, const struct scsi_command *c, const u8 *data,
	u32 size, struct scsi_result *r)
{
	const struct vsp_disk *d = unit->disk;
	u32 bytes = size >= UNMAP_HEAD ? get_be16(data + 2) : 0;
	u64 lba, count;

	(void)c;
	good(r);
	if (size < UNMAP_HEAD || bytes > size - UNMAP_HEAD) {
		fail(r, LIST_TOO_SHORT);
		return;
	}
	if (bytes < UNMAP_DESCRIPTOR)
		return;
	lba = get_be64(data + UNMAP_HEAD);
	count = get_be32(data + UNMAP_HEAD + 8);
	/* One at a time, as the page of limits says. */
	if (bytes >= 2 * UNMAP_DESCRIPTOR)
		fail(r, INVALID_PARAMETER);
	else if (lba > d->sectors || count > d->sectors - lba)
		fail(r, LBA_OUT_OF_RANGE);
	else if (count * d->sector_size > d->max_discard)
		fail(r, INVALID_PARAMETER);
	else if (count > 0)
		medium(r, VSP_DISK_DISCARD, lba, count * d->sector_size);
}

static u32 sense_of(const struct scsi_command *c, int error)
{
	switch (error) {
	case -ENOSPC:
		return NO_SPACE;
	case -EROFS:
		return WRITE_PROTECTED;
	case -ENODEV:
		return TARGET_FAILED;
	case -EIO:
	case -ETIMEDOUT:
		return c->direction == SCSI_DATA_IN ? READ_FAILED : WRITE_FAILED;
	case -EINVAL:
		return INVALID_CDB;
	default:
		return ABORTED;
	}
}

void scsi_end(const struct scsi_command *c, int error, struct scsi_result *r)
{
	if (error != 0) {
		fail(r, sense_of(c, error));
		return;
	}
	good(r);
	r->data_length = r->op == VSP_DISK_READ || r->op == VSP_DISK_WRITE ? (u32)r->bytes : 0;
}
