/* SPDX-License-Identifier: MIT */
/*
 * IDENTIFY data as real devices have it, and as broken ones; commands and TRIM's
 * ranges by their bytes; sense data.
 * sources: rootpart/drivers/ata_common/ata_identity.c rootpart/drivers/ata_common/ata_command.c rootpart/drivers/ata_common/atapi.c lib/string.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/errno.h"
#include "rootpart/drivers/ata_common/ata_command.h"
#include "rootpart/drivers/ata_common/atapi.h"

static u16 words[256];
static struct ata_identity id;

static void put(u32 word, const char *text)
{
	for (; *text != '\0'; text += 2)
		words[word++] = (u16)((u8)text[0] << 8 | (u8)text[1]);
}

/* A disk of 2 TiB in sectors of 512 on 4096 bytes, all features. */
static int setup(void **state)
{
	(void)state;
	memset(words, 0, sizeof(words));
	put(10, "  S1234567  ");
	put(23, "FW 01   ");
	put(27, "ACME Turbo\x01 ");
	words[49] = 0x0300;
	words[60] = 0xffff;
	words[61] = 0x0fff;
	words[75] = 31;
	words[76] = 0x0106;
	words[83] = 0x7400;
	words[84] = 0x4040;
	words[85] = 0x0020;
	words[87] = 0x4000;
	words[102] = 1;
	words[106] = 0x6003;
	words[169] = 1;
	return 0;
}

static int read_words(void)
{
	return ata_identity_read(words, false, &id);
}

static void a_modern_disk(void **state)
{
	(void)state;
	assert_int_equal(read_words(), 0);
	assert_string_equal(id.serial, "S1234567");
	assert_string_equal(id.firmware, "FW 01");
	assert_string_equal(id.model, "ACME Turbo?");
	assert_true(id.lba48 && id.dma && id.flush_ext && id.write_cache && id.fua && id.trim);
	assert_int_equal(id.queue_depth, 32);
	assert_int_equal(id.sector_size, 512);
	assert_int_equal(id.physical_size, 4096);
	assert_true(id.sectors == BIT(32));
	assert_false(id.packet);
}

static void sectors_of_4096(void **state)
{
	(void)state;
	words[106] = 0x5000;
	words[117] = 2048;
	assert_int_equal(read_words(), 0);
	assert_int_equal(id.sector_size, 4096);
	assert_int_equal(id.physical_size, 4096);
	words[117] = 260;
	assert_int_equal(read_words(), -ENOTSUP);
	words[117] = 0;
	assert_int_equal(read_words(), -ENOTSUP);
}

/* Words whose validity bits are not 01 say nothing. */
static void an_old_disk(void **state)
{
	(void)state;
	words[83] = 0xffff;
	words[84] = words[87] = words[106] = 0;
	assert_int_equal(read_words(), 0);
	assert_false(id.lba48 || id.flush_ext || id.write_cache || id.fua || id.trim);
	assert_int_equal(id.queue_depth, 0);
	assert_int_equal(id.sectors, 0x0fffffff);
	assert_int_equal(id.physical_size, 512);
}

static void nonsense(void **state)
{
	(void)state;
	words[102] = 0;
	assert_int_equal(read_words(), -EPROTO);
	words[103] = 2;
	assert_int_equal(read_words(), -EPROTO);
	words[103] = 0;
	words[102] = 1;
	words[255] = 0x00a5;
	assert_int_equal(read_words(), -EPROTO);
	words[49] = 0;
	words[255] = 0;
	assert_int_equal(read_words(), -ENOTSUP);
	memset(words, 0xff, sizeof(words));
	assert_int_equal(read_words(), -EPROTO);
	assert_int_equal(ata_identity_read(words, true, &id), -EPROTO);
	memset(words, 0, sizeof(words));
	assert_true(read_words() < 0);
	assert_int_equal(ata_identity_read(words, true, &id), -EPROTO);
}

static void sum_that_fits(void **state)
{
	u8 sum = 0xa5;

	(void)state;
	for (u32 i = 0; i < 510; i++)
		sum = (u8)(sum + ((u8 *)words)[i]);
	words[255] = (u16)((u8)-sum << 8 | 0xa5);
	assert_int_equal(read_words(), 0);
	words[10]++;
	assert_int_equal(read_words(), -EPROTO);
}

/* Whatever a device says: refused, or something that can be worked with. */
static void random_words(void **state)
{
	u32 taken = 0;

	(void)state;
	srand(1);
	for (u32 round = 0; round < 200000; round++) {
		for (u32 i = 0; i < 256; i++)
			words[i] = (u16)(rand() & (rand() % 4 == 0 ? 0xffff : rand()));
		words[102] &= 1;
		words[103] = 0;
		words[255] = 0;
		if (read_words() != 0)
			continue;
		taken++;
		assert_true(id.sectors > 0 && id.sectors <= BIT(48));
		assert_true(id.sector_size == 512 || id.sector_size == 4096);
		assert_true(id.queue_depth <= 32 && strlen(id.model) <= 40);
		for (const char *p = id.serial; *p != '\0'; p++)
			assert_true(*p >= ' ' && *p < 0x7f);
	}
	assert_true(taken > 1000);
}

static void a_drive(void **state)
{
	(void)state;
	words[0] = 0x85a1;
	words[49] = 0;
	words[62] = 0x8400;
	assert_int_equal(ata_identity_read(words, true, &id), 0);
	assert_true(id.packet && id.removable && id.packet_interrupt && id.packet_16);
	assert_true(id.dma && id.packet_direction);
	words[0] = 0x8180;
	assert_int_equal(ata_identity_read(words, true, &id), -ENOTSUP);
}

static struct ata_taskfile command(enum block_op op, u64 sector, u64 bytes, bool fua, bool queued)
{
	const struct block_piece piece = {
		.op = op, .sector = sector, .bytes = bytes, .fua = fua, .tag = 9
	};

	return ata_command(&id, &piece, queued);
}

static void commands(void **state)
{
	struct ata_taskfile t;

	(void)state;
	assert_int_equal(read_words(), 0);
	t = command(BLOCK_READ, 0x123456789a, 4096, false, true);
	assert_true(t.command == 0x60 && t.features == 8 && t.count == 9 << 3 && t.device == 0x40);
	assert_true(t.ext && t.lba == 0x123456789a);
	t = command(BLOCK_WRITE, 1, 32 * MIB, true, true);
	assert_true(t.command == 0x61 && t.features == 0 && t.device == 0xc0);
	t = command(BLOCK_READ, 0x123456789a, 512, false, false);
	assert_true(t.command == 0x25 && t.count == 1 && t.device == 0x40 && t.ext);
	t = command(BLOCK_WRITE, 1, MIB, false, false);
	assert_true(t.command == 0x35 && t.count == 2048);
	assert_int_equal(command(BLOCK_WRITE, 1, MIB, true, false).command, 0x3d);
	assert_int_equal(command(BLOCK_FLUSH, 0, 0, false, true).command, 0xea);
	t = command(BLOCK_DISCARD, 5, MIB, false, true);
	assert_true(t.command == 0x06 && t.features == 1 && t.count == 1 && t.lba == 0);
	id.lba48 = id.flush_ext = false;
	t = command(BLOCK_READ, 0xabcdef1, 256 * 512, false, false);
	assert_true(t.command == 0xc8 && t.count == 256 && t.device == 0x4a && !t.ext);
	assert_int_equal(command(BLOCK_WRITE, 0, 512, false, false).command, 0xca);
	assert_int_equal(command(BLOCK_FLUSH, 0, 0, false, false).command, 0xe7);
}

static void ranges(void **state)
{
	struct block_piece piece = { .op = BLOCK_DISCARD, .sector = 100, .bytes = 65536 * 512 };
	u64 range[64];

	(void)state;
	assert_int_equal(read_words(), 0);
	ata_trim_ranges(&id, &piece, range);
	assert_true(range[0] == (100 | 0xffffull << 48));
	assert_true(range[1] == ((100 + 65535) | 1ull << 48));
	assert_true(range[2] == 0 && range[63] == 0);
	piece.bytes = 64ull * 65535 * 512;
	ata_trim_ranges(&id, &piece, range);
	assert_true(range[63] == ((100 + 63 * 65535) | 0xffffull << 48));
}

static void limits(void **state)
{
	struct block_limits l = { 0 };

	(void)state;
	assert_int_equal(read_words(), 0);
	ata_limits(&id, &l);
	assert_true(l.sectors == BIT(32) && l.max_bytes == MIB && l.fua && l.write_cache);
	id.lba48 = false;
	ata_limits(&id, &l);
	assert_true(l.sectors == BIT(28) && l.max_bytes == 128 * KIB);
}

static enum atapi_verdict verdict(u8 code, u8 key, u8 asc)
{
	u8 sense[ATAPI_SENSE] = { code, 0, key, [12] = asc };

	return atapi_sense(sense);
}

static void senses(void **state)
{
	(void)state;
	assert_int_equal(verdict(0x70, 0, 0), ATAPI_FINE);
	assert_int_equal(verdict(0xf0, 2, 0x3a), ATAPI_ABSENT);
	assert_int_equal(verdict(0x70, 2, 0x04), ATAPI_SOON);
	assert_int_equal(verdict(0x70, 2, 0x30), ATAPI_FAILED);
	assert_int_equal(verdict(0x70, 3, 0x11), ATAPI_FAILED);
	assert_int_equal(verdict(0x71, 6, 0x28), ATAPI_CHANGED);
	assert_int_equal(verdict(0x70, 6, 0x29), ATAPI_RESET);
	assert_int_equal(verdict(0x00, 6, 0x29), ATAPI_FAILED);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_modern_disk),
		TEST(sectors_of_4096),
		TEST(an_old_disk),
		TEST(nonsense),
		TEST(sum_that_fits),
		TEST(random_words),
		TEST(a_drive),
		TEST(commands),
		TEST(ranges),
		TEST(limits),
		TEST(senses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
