/* SPDX-License-Identifier: MIT */
/*
 * SCSI commands of a disk: what Linux asks at probe and later, with answers by their bytes; what is wrong, with its
 * sense data; and command blocks at random, of which none asks the disk for what it does not have.
 * sources: vsp/storvsp/scsi.c vsp/storvsp/scsi_answers.c lib/string.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/errno.h"
#include "vsp/storvsp/scsi.h"

#define SECTORS (3 * GIB / 512)

static struct vsp_disk disk;
static const u8 luns[] = { 0, 3, 63 };
static struct scsi_unit unit, absent;
static struct scsi_command c;
static struct scsi_result r;

static int setup(void **state)
{
	(void)state;
	disk = (struct vsp_disk){ .sector_size = 512,
		.sectors = SECTORS,
		.write_cache = true,
		.max_discard = 64 * MIB,
		.id = { 0xab, 0xcd, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 0xff } };
	unit = (struct scsi_unit){ &disk, luns, ARRAY_SIZE(luns) };
	absent = (struct scsi_unit){ NULL, luns, ARRAY_SIZE(luns) };
	return 0;
}

static void command(enum scsi_direction direction, u32 length, const u8 *cdb, u32 size)
{
	c = (struct scsi_command){ .length = length, .direction = direction };
	memcpy(c.cdb, cdb, size);
}

#define COMMAND(direction, length, ...) \
	command(direction, length, (const u8[]){ __VA_ARGS__ }, sizeof((const u8[]){ __VA_ARGS__ }))

/* Sent to @u, it is answered with @length bytes. */
static void answers(const struct scsi_unit *u, u32 length)
{
	scsi_begin(u, &c, &r);
	assert_int_equal(r.next, SCSI_ANSWER);
	assert_int_equal(r.status, SCSI_GOOD);
	assert_int_equal(r.data_length, length);
}

static void fails_now(u32 key, u32 code, u32 qualifier)
{
	assert_int_equal(r.next, SCSI_ANSWER);
	assert_int_equal(r.status, SCSI_CHECK_CONDITION);
	assert_int_equal(r.data_length, 0);
	assert_int_equal(r.sense[0], 0x70);
	assert_int_equal(r.sense[2], key);
	assert_int_equal(r.sense[7], 10);
	assert_int_equal(r.sense[12], code);
	assert_int_equal(r.sense[13], qualifier);
}

static void fails(const struct scsi_unit *u, u32 key, u32 code, u32 qualifier)
{
	scsi_begin(u, &c, &r);
	fails_now(key, code, qualifier);
}

static void asks(enum vsp_disk_op op, u64 sector, u64 bytes, bool fua)
{
	scsi_begin(&unit, &c, &r);
	assert_int_equal(r.next, SCSI_MEDIUM);
	assert_true(r.op == op && r.sector == sector && r.bytes == bytes && r.fua == fua);
}

static void inquiries(void **state)
{
	(void)state;
	COMMAND(SCSI_DATA_IN, 36, 0x12, 0, 0, 0, 36);
	answers(&unit, 36);
	assert_memory_equal(r.data,
		"\0\0\x06\x02\x1f\0\0\x02"
		"VERDIGRSVirtual Disk    1.0 ",
		36);
	COMMAND(SCSI_DATA_IN, 5, 0x12, 0, 0, 0, 36);
	answers(&unit, 5);
	COMMAND(SCSI_DATA_IN, 96, 0x12, 0, 0, 0, 10);
	answers(&unit, 10);
	/* Success, with a byte that says that there is nothing. */
	COMMAND(SCSI_DATA_IN, 36, 0x12, 0, 0, 0, 36);
	answers(&absent, 36);
	assert_int_equal(r.data[0], 0x7f);
	COMMAND(SCSI_DATA_IN, 36, 0x12, 0, 0x80, 0, 36);
	fails(&unit, 5, 0x24, 0);
}

static void product_data(void **state)
{
	u8 first[64];

	(void)state;
	COMMAND(SCSI_DATA_IN, 255, 0x12, 1, 0, 0, 255);
	answers(&unit, 10);
	assert_memory_equal(r.data, "\0\0\0\x06\x00\x80\x83\xb0\xb1\xb2", 10);
	COMMAND(SCSI_DATA_IN, 255, 0x12, 1, 0x80, 0, 255);
	answers(&unit, 36);
	assert_memory_equal(r.data,
		"\0\x80\0\x20"
		"abcd0102030405060708090a0b0c0dff",
		36);
	COMMAND(SCSI_DATA_IN, 255, 0x12, 1, 0x83, 0, 255);
	answers(&unit, 4 + 44 + 12);
	assert_memory_equal(r.data,
		"\0\x83\0\x38\x02\x01\0\x28"
		"VERDIGRSabcd",
		20);
	assert_memory_equal(r.data + 48, "\x01\x03\0\x08\x3b\xcd\x01\x02\x03\x04\x05\x06", 12);
	memcpy(first, r.data, 60);
	disk.id[15] = 0; /* another disk is another one */
	answers(&unit, 60);
	assert_memory_not_equal(r.data, first, 60);
	COMMAND(SCSI_DATA_IN, 255, 0x12, 1, 0xb0, 0, 255);
	answers(&unit, 64);
	assert_memory_equal(
		r.data + 8, "\0\0\x08\0\0\0\x08\0\0\0\0\0\0\x02\0\0\0\0\0\x01\0\0\0\x08", 24);
	COMMAND(SCSI_DATA_IN, 255, 0x12, 1, 0xb1, 0, 255);
	answers(&unit, 64);
	assert_memory_equal(r.data, "\0\xb1\0\x3c\0\x01", 6);
	COMMAND(SCSI_DATA_IN, 255, 0x12, 1, 0xb2, 0, 255);
	answers(&unit, 8);
	assert_int_equal(r.data[5], 0x80);
	disk.max_discard = 0;
	answers(&unit, 8);
	assert_int_equal(r.data[5], 0);
	COMMAND(SCSI_DATA_IN, 255, 0x12, 1, 0x89, 0, 255);
	fails(&unit, 5, 0x24, 0);
	COMMAND(SCSI_DATA_IN, 255, 0x12, 1, 0, 0, 255);
	fails(&absent, 5, 0x24, 0);
}

static void lists_of_luns(void **state)
{
	(void)state;
	COMMAND(SCSI_DATA_IN, 4096, 0xa0, 0, 0, 0, 0, 0, 0, 0, 16, 0);
	for (u32 i = 0; i < 2; i++) {
		answers(i == 0 ? &unit : &absent, 32);
		assert_memory_equal(
			r.data, "\0\0\0\x18\0\0\0\0\0\0\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0\x3f", 26);
	}
	absent.lun_count = 0;
	answers(&absent, 8);
	assert_memory_equal(r.data, "\0\0\0\0\0\0\0\0", 8);
}

static void modes(void **state)
{
	(void)state;
	COMMAND(SCSI_DATA_IN, 4, 0x1a, 0, 0x3f, 0, 4);
	answers(&unit, 4);
	assert_memory_equal(r.data, "\x17\0\x10\0", 4);
	COMMAND(SCSI_DATA_IN, 255, 0x1a, 0, 0x08, 0, 255);
	answers(&unit, 24);
	assert_memory_equal(r.data + 4, "\x08\x12\x04", 3);
	disk.write_cache = false;
	answers(&unit, 24);
	assert_int_equal(r.data[6], 0);
	disk.read_only = true;
	COMMAND(SCSI_DATA_IN, 255, 0x5a, 0, 0x3f, 0, 0, 0, 0, 0, 255);
	answers(&unit, 28);
	assert_memory_equal(r.data, "\0\x1a\0\x90\0\0\0\0\x08\x12\0", 11);
	/* What could be changed: nothing. */
	disk.read_only = false;
	disk.write_cache = true;
	COMMAND(SCSI_DATA_IN, 255, 0x1a, 0, 0x48, 0, 255);
	answers(&unit, 24);
	assert_int_equal(r.data[6], 0);
	COMMAND(SCSI_DATA_IN, 255, 0x1a, 0, 0x05, 0, 255);
	fails(&unit, 5, 0x24, 0);
}

static void capacities(void **state)
{
	(void)state;
	COMMAND(SCSI_DATA_IN, 8, 0x25);
	answers(&unit, 8);
	assert_memory_equal(r.data, "\0\x5f\xff\xff\0\0\x02\0", 8);
	COMMAND(SCSI_DATA_IN, 32, 0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32);
	answers(&unit, 32);
	assert_memory_equal(r.data, "\0\0\0\0\0\x5f\xff\xff\0\0\x02\0\0\0\x80", 15);
	disk.sectors = 1ull << 33;
	disk.sector_size = 4096;
	answers(&unit, 32);
	assert_memory_equal(r.data, "\0\0\0\x01\xff\xff\xff\xff\0\0\x10\0", 12);
	COMMAND(SCSI_DATA_IN, 8, 0x25);
	answers(&unit, 8);
	assert_memory_equal(r.data, "\xff\xff\xff\xff\0\0\x10\0", 8);
	COMMAND(SCSI_DATA_IN, 32, 0x9e, 0x12);
	fails(&unit, 5, 0x24, 0);
}

static void reads_and_writes(void **state)
{
	(void)state;
	COMMAND(SCSI_DATA_IN, 4096, 0x28, 0, 0, 0x12, 0x34, 0x56, 0, 0, 8);
	asks(VSP_DISK_READ, 0x123456, 4096, false);
	scsi_end(&c, 0, &r);
	assert_true(r.status == SCSI_GOOD && r.data_length == 4096);
	COMMAND(SCSI_DATA_OUT, 1024, 0x2a, 8, 0, 0, 0, 1, 0, 0, 2);
	asks(VSP_DISK_WRITE, 1, 1024, true);
	COMMAND(SCSI_DATA_IN, 512, 0x88, 0, 0, 0, 0, 0, 0, 0x5f, 0xff, 0xff, 0, 0, 0, 1);
	asks(VSP_DISK_READ, SECTORS - 1, 512, false);
	COMMAND(SCSI_DATA_OUT, MIB, 0x8a, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0);
	asks(VSP_DISK_WRITE, 0, MIB, false);
	/* Past the end; round it; more than one takes; not what the guest has; the other way; nothing. */
	COMMAND(SCSI_DATA_IN, 1024, 0x88, 0, 0, 0, 0, 0, 0, 0x5f, 0xff, 0xff, 0, 0, 0, 2);
	fails(&unit, 5, 0x21, 0);
	COMMAND(SCSI_DATA_IN, 1024, 0x88, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0,
		0, 2);
	fails(&unit, 5, 0x21, 0);
	COMMAND(SCSI_DATA_IN, 512, 0x88, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0, 1);
	fails(&unit, 5, 0x21, 0);
	COMMAND(SCSI_DATA_OUT, MIB + 512, 0x8a, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 1);
	fails(&unit, 5, 0x24, 0);
	COMMAND(SCSI_DATA_IN, 4095, 0x28, 0, 0, 0, 0, 0, 0, 0, 8);
	fails(&unit, 5, 0x24, 0);
	COMMAND(SCSI_DATA_OUT, 4096, 0x28, 0, 0, 0, 0, 0, 0, 0, 8);
	fails(&unit, 5, 0x24, 0);
	COMMAND(SCSI_NO_DATA, 0, 0x28, 0, 0, 0, 0, 0, 0, 0, 0);
	answers(&unit, 0);
	disk.read_only = true;
	COMMAND(SCSI_DATA_OUT, 1024, 0x2a, 0, 0, 0, 0, 1, 0, 0, 2);
	fails(&unit, 7, 0x27, 0);
}

static void ends(void **state)
{
	static const struct {
		int error;
		u8 key, code, qualifier;
	} all[] = { { -EIO, 3, 0x0c, 0 }, { -ETIMEDOUT, 3, 0x0c, 0 }, { -ENOSPC, 7, 0x27, 7 },
		{ -EROFS, 7, 0x27, 0 }, { -ENODEV, 4, 0x44, 0 }, { -EINVAL, 5, 0x24, 0 },
		{ -ENOMEM, 0xb, 0, 0 }, { -ECANCELED, 0xb, 0, 0 } };

	(void)state;
	COMMAND(SCSI_DATA_OUT, 1024, 0x2a, 0, 0, 0, 0, 1, 0, 0, 2);
	for (u32 i = 0; i < ARRAY_SIZE(all); i++) {
		asks(VSP_DISK_WRITE, 1, 1024, false);
		scsi_end(&c, all[i].error, &r);
		fails_now(all[i].key, all[i].code, all[i].qualifier);
	}
	COMMAND(SCSI_DATA_IN, 1024, 0x28, 0, 0, 0, 0, 1, 0, 0, 2);
	asks(VSP_DISK_READ, 1, 1024, false);
	scsi_end(&c, -EIO, &r);
	fails_now(3, 0x11, 0);
}

static void others(void **state)
{
	static const u8 nothing[] = { 0x00, 0x1b, 0x1e };

	(void)state;
	for (u32 i = 0; i < sizeof(nothing); i++) {
		COMMAND(SCSI_NO_DATA, 0, nothing[i]);
		answers(&unit, 0);
		fails(&absent, 5, 0x25, 0);
	}
	COMMAND(SCSI_NO_DATA, 0, 0x35);
	asks(VSP_DISK_FLUSH, 0, 0, false);
	disk.write_cache = false;
	answers(&unit, 0);
	COMMAND(SCSI_DATA_IN, 18, 0x03, 0, 0, 0, 18);
	answers(&absent, 18);
	COMMAND(SCSI_NO_DATA, 0, 0x4a);
	fails(&unit, 5, 0x20, 0);
	fails(&absent, 5, 0x25, 0);
}

static void unmaps(void **state)
{
	u8 list[40] = { 0, 22, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 2, 0 };

	(void)state;
	COMMAND(SCSI_DATA_OUT, 24, 0x42, 0, 0, 0, 0, 0, 0, 0, 24);
	scsi_begin(&unit, &c, &r);
	assert_int_equal(r.next, SCSI_PARAMETERS);
	scsi_parameters(&unit, &c, list, 24, &r);
	assert_true(r.next == SCSI_MEDIUM && r.op == VSP_DISK_DISCARD && r.sector == 0x1000 &&
		    r.bytes == 0x200 * 512);
	scsi_end(&c, 0, &r);
	assert_true(r.status == SCSI_GOOD && r.data_length == 0);
	scsi_parameters(&unit, &c, list, 7, &r);
	fails_now(5, 0x1a, 0);
	scsi_parameters(&unit, &c, list, 20, &r);
	fails_now(5, 0x1a, 0);
	list[17] = 0x10; /* more than it takes at once */
	scsi_parameters(&unit, &c, list, 24, &r);
	fails_now(5, 0x26, 0);
	list[8] = 1;
	scsi_parameters(&unit, &c, list, 24, &r);
	fails_now(5, 0x21, 0);
	list[3] = 32;
	scsi_parameters(&unit, &c, list, 40, &r);
	fails_now(5, 0x26, 0);
	COMMAND(SCSI_DATA_OUT, 20, 0x42, 0, 0, 0, 0, 0, 0, 0, 24);
	fails(&unit, 5, 0x24, 0);
	disk.max_discard = 0;
	fails(&unit, 5, 0x20, 0);
}

static void check_result(void)
{
	assert_true(r.data_length <= c.length);
	if (r.next == SCSI_ANSWER)
		assert_true(r.data_length <= SCSI_DATA_MAX &&
			    (r.status == SCSI_GOOD || r.status == SCSI_CHECK_CONDITION));
	if (r.next != SCSI_MEDIUM || r.op == VSP_DISK_FLUSH)
		return;
	assert_true(r.bytes > 0 && r.sector < disk.sectors);
	assert_true(r.bytes / disk.sector_size <= disk.sectors - r.sector);
	if (r.op != VSP_DISK_DISCARD)
		assert_true(r.bytes == c.length && r.bytes <= VSP_DISK_BYTES_MAX);
}

static void nonsense(void **state)
{
	static const u8 opcodes[] = { 0x12, 0x1a, 0x28, 0x2a, 0x42, 0x5a, 0x88, 0x8a, 0x9e, 0xa0 };
	u8 data[SCSI_PARAM_MAX];
	u32 asked = 0;

	(void)state;
	srand(1);
	for (u32 i = 0; i < 300000; i++) {
		for (u32 k = 0; k < SCSI_CDB_MAX; k++)
			c.cdb[k] = rand() % 3 ? 0 : (u8)rand();
		if (rand() % 4)
			c.cdb[0] = opcodes[(u32)rand() % sizeof(opcodes)];
		c.length = (u32)rand() % 3 ? ((u32)rand() % 70) * 512 : (u32)rand();
		c.direction = (enum scsi_direction)(rand() % 3);
		if (rand() % 2) {
			c.cdb[7] &= 7;
			c.length = (c.cdb[7] * 256u + c.cdb[8]) * 512;
		}
		disk.sectors = rand() % 2 ? SECTORS : 1 + (u64)rand() % 5000;
		scsi_begin(rand() % 8 ? &unit : &absent, &c, &r);
		if (r.next == SCSI_PARAMETERS) {
			for (u32 k = 0; k < 64; k++)
				data[k] = rand() % 4 ? 0 : (u8)rand();
			scsi_parameters(&unit, &c, data, (u32)rand() % 64, &r);
			assert_int_not_equal(r.next, SCSI_PARAMETERS);
		}
		check_result();
		asked += r.next == SCSI_MEDIUM;
	}
	assert_true(asked > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(inquiries, setup),
		cmocka_unit_test_setup(product_data, setup),
		cmocka_unit_test_setup(lists_of_luns, setup),
		cmocka_unit_test_setup(modes, setup),
		cmocka_unit_test_setup(capacities, setup),
		cmocka_unit_test_setup(reads_and_writes, setup),
		cmocka_unit_test_setup(ends, setup),
		cmocka_unit_test_setup(others, setup),
		cmocka_unit_test_setup(unmaps, setup),
		cmocka_unit_test_setup(nonsense, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
