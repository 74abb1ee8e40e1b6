/* SPDX-License-Identifier: MIT */
/*
 * The reader of the MP table: where it is found, what it takes of it, and
 * tables that are damaged in every way.
 * sources: lib/mptable.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/errno.h"
#include "firmware/mptable.h"
#include "lib/mptable.h"
#include "tests/unit/acpi_memory.h"

#define TABLE 0xf5000u

static struct mptable table;
static const char *why;
static u32 length; /* of the table under construction */

static void put_pointer(u64 at)
{
	/* Signature, address, length, revision, checksum. */
	static const u8 golden[16] = "_MP_\x00\x50\x0f\x00\x01\x04";

	memcpy(memory_at(at), golden, sizeof(golden));
	memory_seal(memory_at(at), sizeof(golden), 10);
}

static void put(const void *entry, u32 size)
{
	memcpy(memory_at(TABLE + length), entry, size);
	length += size;
}

static void put_bus(u8 id, const char *name)
{
	u8 e[8] = { 1, id };

	memcpy(e + 2, name, 6);
	put(e, sizeof(e));
}

static void put_interrupt(u8 kind, u8 flags, u8 bus, u8 irq, u8 ioapic, u8 pin)
{
	const u8 e[8] = { 3, kind, flags, 0, bus, irq, ioapic, pin };

	put(e, sizeof(e));
}

static void seal(void)
{
	u8 *t = memory_at(TABLE);

	memcpy(t, "PCMP", 4);
	t[4] = (u8)length;
	t[5] = (u8)(length >> 8);
	memory_seal(t, length, 7);
}

static int setup(void **state)
{
	const u8 processor[20] = { 0, 7 };

	(void)state;
	memory_clear();
	memset(&table, 0xa5, sizeof(table));
	why = NULL;
	length = 44;
	put(processor, sizeof(processor));
	put_bus(0, "PCI   ");
	put_bus(1, "ISA   ");
	put_bus(5, "PCI   ");
	put_interrupt(0, 0, 0, 3 << 2 | 1, 2, 17);
	put_interrupt(0, 1, 5, 31 << 2 | 3, 2, 19);
	put_interrupt(0, 0, 1, 4, 2, 4);
	put_interrupt(3, 0, 0, 9 << 2, 2, 0);
	put_interrupt(0, 15, 0, 4 << 2, 2, 20);
	seal();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	memory_clear();
	return 0;
}

static int read_table(void)
{
	return mptable_read(&memory_access, &table, &why);
}

static void check_good(void)
{
	const struct mptable_route *r;

	assert_int_equal(read_table(), 0);
	assert_null(why);
	assert_int_equal(table.count, 3);
	assert_int_equal(table.left_out, 0);
	r = mptable_route(&table, 0, 3, 1);
	assert_non_null(r);
	assert_int_equal(r->ioapic, 2);
	assert_int_equal(r->input, 17);
	assert_false(r->high);
	r = mptable_route(&table, 5, 31, 3);
	assert_non_null(r);
	assert_true(r->high);
	assert_false(mptable_route(&table, 0, 4, 0)->high);
	assert_null(mptable_route(&table, 0, 3, 0));
	assert_null(mptable_route(&table, 1, 1, 0));
	assert_null(mptable_route(&table, 0, 9, 0));
}

static void in_the_bios(void **state)
{
	(void)state;
	put_pointer(0xffff0);
	check_good();
}

static void in_the_ebda(void **state)
{
	(void)state;
	memory_at(0x40e)[1] = 0x90;
	put_pointer(0x90000 + 0x3f0);
	check_good();
}

static void at_the_end_of_low_memory(void **state)
{
	(void)state;
	put_pointer(0x9fc10);
	check_good();
}

static void fails(int error, const char *text)
{
	assert_int_equal(read_table(), error);
	assert_string_equal(why, text);
	assert_int_equal(table.count, 0);
}

static void not_there(void **state)
{
	(void)state;
	fails(-ENOENT, "no MP table");
	put_pointer(0xf0008); /* not aligned */
	fails(-ENOENT, "no MP table");
	put_pointer(0xf0000);
	memory_at(0xf0000)[10]++;
	fails(-ENOENT, "no MP table");
}

/* Default configurations have no table. */
static void pointer_without_table(void **state)
{
	(void)state;
	put_pointer(0xf0000);
	memset(memory_at(0xf0004), 0, 4);
	memory_seal(memory_at(0xf0000), 16, 10);
	fails(-ENOENT, "no MP table");
}

static void damaged(void **state)
{
	u8 *t = memory_at(TABLE);

	(void)state;
	put_pointer(0x9fc00);
	t[7]++;
	fails(-EINVAL, "MP table: wrong checksum");
	t[0] = 'X';
	fails(-EINVAL, "MP table: wrong signature");
	seal();
	t[4] = 43;
	t[5] = 0;
	fails(-EINVAL, "MP table: cut short");
	memory.end = TABLE + 20;
	fails(-EINVAL, "MP table: cannot be read");
	memory.end = TABLE + 50;
	length = 600;
	seal();
	fails(-EINVAL, "MP table: cannot be read");
}

/* Entries that reach beyond the table, and those of unknown types, end it. */
static void cut_entries(void **state)
{
	(void)state;
	put_pointer(0xf0000);
	length -= 4;
	seal();
	assert_int_equal(read_table(), 0);
	assert_int_equal(table.count, 2);
	memory_at(TABLE + 44 + 20 + 24)[0] = 9;
	seal();
	assert_int_equal(read_table(), 0);
	assert_int_equal(table.count, 0);
}

static void too_many(void **state)
{
	(void)state;
	put_pointer(0xf0000);
	for (u32 i = 0; i < 300; i++)
		put_interrupt(0, 0, 0, (u8)(i & 0x7f), 2, 1);
	seal();
	assert_int_equal(read_table(), 0);
	assert_int_equal(table.count, MPTABLE_ROUTES_MAX);
	assert_int_equal(table.left_out, 303 - MPTABLE_ROUTES_MAX);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(in_the_bios),
		TEST(in_the_ebda),
		TEST(at_the_end_of_low_memory),
		TEST(not_there),
		TEST(pointer_without_table),
		TEST(damaged),
		TEST(cut_entries),
		TEST(too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
