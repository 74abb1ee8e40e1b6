/* SPDX-License-Identifier: MIT */
/*
 * lib/elf.c on a small image made here, on damaged ones, and on this very
 * program's own file.
 * sources: lib/elf.c lib/elf_symbols.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/errno.h"
#include "lib/elf.h"

/* Layout of the made image; numbers are the gABI's, written out once more. */
#define PHDR(i)    (64u + 56u * (i))
#define NOTE_AT    0x200u
#define SYMS_AT    0x280u
#define STRINGS_AT 0x300u
#define SHDR(i)    (0x340u + 64u * (i))
#define DATA_AT    0x500u
#define FILE_SIZE  0x800u

static u8 file[FILE_SIZE];

static void put(u32 at, u32 bytes, u64 value)
{
	memcpy(file + at, &value, bytes);
}

static void put_phdr(u32 i, u32 type, u32 flags, u64 offset, u64 paddr, u64 filesz, u64 memsz)
{
	put(PHDR(i), 4, type);
	put(PHDR(i) + 4, 4, flags);
	put(PHDR(i) + 8, 8, offset);
	put(PHDR(i) + 16, 8, paddr + 0xffffffff80000000);
	put(PHDR(i) + 24, 8, paddr);
	put(PHDR(i) + 32, 8, filesz);
	put(PHDR(i) + 40, 8, memsz);
	put(PHDR(i) + 48, 8, 4);
}

static void put_shdr(u32 i, u32 type, u64 offset, u64 size, u32 link, u64 entsize)
{
	put(SHDR(i) + 4, 4, type);
	put(SHDR(i) + 24, 8, offset);
	put(SHDR(i) + 32, 8, size);
	put(SHDR(i) + 40, 4, link);
	put(SHDR(i) + 56, 8, entsize);
}

static void put_symbol(u32 i, u32 name, u8 info, u64 value, u64 size)
{
	u32 at = SYMS_AT + 24 * i;

	put(at, 4, name);
	put(at + 4, 1, info);
	put(at + 6, 2, 1);
	put(at + 8, 8, value);
	put(at + 16, 8, size);
}

static void make_headers(void)
{
	memset(file, 0, sizeof(file));
	memcpy(file, "\177ELF\2\1\1", 7);
	put(16, 2, 2);  /* ET_EXEC */
	put(18, 2, 62); /* x86-64 */
	put(20, 4, 1);
	put(24, 8, 0xffffffff80101000);
	put(32, 8, 64);
	put(40, 8, SHDR(0));
	put(54, 2, 56);
	put(56, 2, 4);
	put(58, 2, 64);
	put(60, 2, 3);
}

static int make_image(void **state)
{
	(void)state;
	make_headers();
	put_phdr(0, 1, 5, DATA_AT, 0x101010, 0x100, 0x100);
	put_phdr(1, 4, 4, NOTE_AT, 0, 40, 40); /* two notes, 20 bytes each */
	put_phdr(2, 1, 6, DATA_AT + 0x100, 0x103000, 0x80, 0x1800);
	put_phdr(3, 1, 6, 0, 0x9990000000, 0, 0);

	put(NOTE_AT, 4, 4);
	put(NOTE_AT + 4, 4, 1);
	put(NOTE_AT + 8, 4, 1);
	memcpy(file + NOTE_AT + 12, "GNU", 4);
	put(NOTE_AT + 20, 4, 4);
	put(NOTE_AT + 24, 4, 4);
	put(NOTE_AT + 28, 4, 18);
	memcpy(file + NOTE_AT + 32, "Xen", 4);
	put(NOTE_AT + 36, 4, 0x101040);

	put_shdr(1, 3, STRINGS_AT, 32, 0, 0);
	put_shdr(3, 3, STRINGS_AT, 32, 0, 0); /* past the last that counts */
	put_shdr(2, 2, SYMS_AT, 24 * 5, 1, 24);
	memcpy(file + STRINGS_AT, "\0start\0worker\0asm_stub", 22);
	put_symbol(1, 1, 0x12, 0x1000, 0x40);
	put_symbol(2, 7, 0x02, 0x1040, 0x80);
	put_symbol(3, 14, 0x12, 0x2000, 0);
	put_symbol(4, 1, 0x11, 0x1050, 8); /* a variable, not a function */
	return 0;
}

static int open_image(struct elf_image *elf, const char **why)
{
	return elf_open(elf, file, sizeof(file), why);
}

static void image_is_opened(void **state)
{
	struct elf_image elf;
	const char *why;

	(void)state;
	assert_int_equal(open_image(&elf, &why), 0);
	assert_null(why);
	assert_int_equal(elf.phys_base, 0x101000);
	assert_int_equal(elf.phys_size, 0x4000);
	assert_int_equal(elf.virt_base, 0xffffffff80101000);
	assert_int_equal(elf.entry, 0xffffffff80101000);
	assert_int_equal(elf.pvh_entry, 0x101040);
	assert_int_equal(elf.load_segments, 2);
}

static void segments_are_given(void **state)
{
	struct elf_segment seg;
	struct elf_image elf;
	const char *why;

	(void)state;
	assert_int_equal(open_image(&elf, &why), 0);
	assert_int_equal(elf_segment_get(&elf, 0, &seg), 0);
	assert_ptr_equal(seg.data, file + DATA_AT);
	assert_true(seg.exec && !seg.write);
	assert_int_equal(seg.paddr, 0x101010);
	assert_int_equal(elf_segment_get(&elf, 1, &seg), 0);
	assert_int_equal(seg.filesz, 0x80);
	assert_int_equal(seg.memsz, 0x1800);
	assert_int_equal(seg.vaddr, 0xffffffff80103000);
	assert_true(seg.write && !seg.exec);
	assert_int_equal(elf_segment_get(&elf, 2, &seg), -ENOENT);
}

/* One number changed each, and what people are told then. */
static const struct {
	u32 at;
	u32 bytes;
	u64 value;
	const char *why;
} damages[] = {
	{ 0, 1, 0x7e, "not an ELF file" },
	{ 4, 1, 1, "not for 64-bit x86" },
	{ 18, 2, 183, "not for 64-bit x86" },
	{ 5, 1, 2, "unknown kind of ELF file" },
	{ 6, 1, 0, "unknown kind of ELF file" },
	{ 20, 4, 9, "unknown kind of ELF file" },
	{ 16, 2, 1, "not an executable" },
	{ 56, 2, 0, "no segments" },
	{ 54, 2, 55, "program headers beyond end of file" },
	{ 56, 2, 0xffff, "program headers beyond end of file" },
	{ 32, 8, FILE_SIZE - 100, "program headers beyond end of file" },
	{ 32, 8, UINT64_MAX - 8, "program headers beyond end of file" },
	{ PHDR(0) + 32, 8, 0x101, "segment larger in the file than in memory" },
	{ PHDR(0) + 8, 8, FILE_SIZE - 0xff, "segment beyond end of file" },
	{ PHDR(0) + 8, 8, UINT64_MAX, "segment beyond end of file" },
	{ PHDR(0) + 24, 8, UINT64_MAX - 0x100, "segment beyond the address space" },
	{ PHDR(0) + 16, 8, UINT64_MAX - 0x10, "segment beyond the address space" },
	{ PHDR(2) + 40, 8, UINT64_MAX, "segment beyond the address space" },
	{ PHDR(2) + 24, 8, 0x10110f, "segments overlap" },
	{ PHDR(2) + 24, 8, 0x100000, "segments overlap" },
	{ PHDR(2) + 24, 8, 0x40101001, "segments span more than 1 GiB" },
	{ PHDR(2) + 40, 8, 0x40000000, "segments span more than 1 GiB" },
	{ PHDR(1) + 8, 8, FILE_SIZE - 39, "notes beyond end of file" },
	{ NOTE_AT + 4, 4, 0x1000, "damaged note" },
	{ NOTE_AT, 4, UINT32_MAX, "damaged note" },
	{ NOTE_AT + 24, 4, 5, "damaged note" },
	{ NOTE_AT + 24, 4, 3, "PVH entry note of unknown size" },
	{ NOTE_AT + 36, 4, 0x100fff, "PVH entry outside of the image" },
	{ NOTE_AT + 36, 4, 0x105000, "PVH entry outside of the image" },
};

static void damage_is_named(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(damages); i++) {
		struct elf_image elf = { .entry = 0x77 };
		const char *why;

		make_image(state);
		put(damages[i].at, damages[i].bytes, damages[i].value);
		assert_int_equal(open_image(&elf, &why), -EINVAL);
		assert_string_equal(why, damages[i].why);
		assert_int_equal(elf.entry, 0x77);
	}
}

static void too_many_and_too_few_segments(void **state)
{
	struct elf_image elf;
	const char *why;

	(void)state;
	put(PHDR(0), 4, 0);
	put(PHDR(2), 4, 0);
	assert_int_equal(open_image(&elf, &why), -EINVAL);
	assert_string_equal(why, "no segments to load");

	make_headers();
	put(32, 8, 0);
	put(54, 2, 56);
	u8 *big = calloc(1, 64 + 65 * 56);
	memcpy(big, file, 64);
	memcpy(big + 32, &(u64){ 64 }, 8);
	memcpy(big + 56, &(u16){ 65 }, 2);
	for (u64 i = 0; i < 65; i++) {
		memcpy(big + 64 + i * 56, &(u32){ 1 }, 4);
		memcpy(big + 64 + i * 56 + 24, &(u64){ i * 16 }, 8);
		memcpy(big + 64 + i * 56 + 40, &(u64){ 16 }, 8);
	}
	assert_int_equal(elf_open(&elf, big, 64 + 65 * 56, &why), -EINVAL);
	assert_string_equal(why, "too many segments");
	memcpy(big + 56, &(u16){ 64 }, 2);
	assert_int_equal(elf_open(&elf, big, 64 + 65 * 56, &why), 0);
	assert_int_equal(elf.load_segments, 64);
	free(big);
}

/* The whole file is needed up to the last segment's data, and never more. */
static void cut_files_are_refused(void **state)
{
	struct elf_image elf;
	const char *why;

	(void)state;
	for (size_t size = 0; size < FILE_SIZE; size += 7) {
		u8 *copy = malloc(size ? size : 1);

		memcpy(copy, file, size);
		assert_int_equal(
			elf_open(&elf, copy, size, &why), size < DATA_AT + 0x180 ? -EINVAL : 0);
		free(copy);
	}
}

static const struct {
	u64 addr;
	const char *name;
	u64 offset;
} lookups[] = {
	{ 0xfff, NULL, 0 },
	{ 0x1000, "start", 0 },
	{ 0x103f, "start", 0x3f },
	{ 0x1040, "worker", 0 },
	{ 0x1055, "worker", 0x15 },
	{ 0x10c0, NULL, 0 },
	{ 0x2000, "asm_stub", 0 },
	{ 0x2fff, "asm_stub", 0xfff },
	{ 0x3000, NULL, 0 },
	{ UINT64_MAX, NULL, 0 },
};

static void symbols_are_found(void **state)
{
	struct elf_symtab tab;

	(void)state;
	assert_int_equal(elf_symtab_find(file, sizeof(file), &tab), 0);
	for (size_t i = 0; i < ARRAY_SIZE(lookups); i++) {
		u64 offset = 0;
		const char *name = elf_symbol_at(&tab, lookups[i].addr, &offset);

		if (lookups[i].name == NULL) {
			assert_null(name);
			continue;
		}
		assert_string_equal(name, lookups[i].name);
		assert_int_equal(offset, lookups[i].offset);
	}
}

static void bad_symbol_names_are_passed_over(void **state)
{
	struct elf_symtab tab;
	u64 offset;

	(void)state;
	put_symbol(1, 32, 0x12, 0x1000, 0x40);
	put_symbol(2, UINT32_MAX, 0x12, 0x1040, 0x40);
	put_symbol(3, 14, 0x12, 0x2000, 0x40);
	assert_int_equal(elf_symtab_find(file, sizeof(file), &tab), 0);
	tab.strings_size = 22; /* the last name lacks its end */
	assert_null(elf_symbol_at(&tab, 0x1000, &offset));
	assert_null(elf_symbol_at(&tab, 0x1040, &offset));
	assert_null(elf_symbol_at(&tab, 0x2000, &offset));
	tab.strings_size = 23;
	assert_string_equal(elf_symbol_at(&tab, 0x2000, &offset), "asm_stub");
	tab.symbols_size = 24 * 4 - 1;
	assert_null(elf_symbol_at(&tab, 0x2000, &offset));
}

static const struct {
	u32 at;
	u32 bytes;
	u64 value;
	int err;
} symtab_damages[] = {
	{ 0, 1, 0, -EINVAL },
	{ 60, 2, 0, -ENOENT },
	{ 60, 2, 2, -ENOENT },
	{ 60, 2, 0xff, -EINVAL },
	{ 58, 2, 63, -EINVAL },
	{ 40, 8, UINT64_MAX - 3, -EINVAL },
	{ SHDR(2) + 4, 4, 11, -ENOENT },
	{ SHDR(2) + 24, 8, FILE_SIZE, -EINVAL },
	{ SHDR(2) + 32, 8, UINT64_MAX, -EINVAL },
	{ SHDR(2) + 40, 4, 3, -EINVAL },
	{ SHDR(2) + 40, 4, 2, -EINVAL },
	{ SHDR(2) + 56, 8, 23, -EINVAL },
	{ SHDR(1) + 4, 4, 1, -EINVAL },
	{ SHDR(1) + 24, 8, FILE_SIZE - 31, -EINVAL },
};

static void damaged_symbol_tables_are_refused(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(symtab_damages); i++) {
		struct elf_symtab tab;

		make_image(state);
		put(symtab_damages[i].at, symtab_damages[i].bytes, symtab_damages[i].value);
		assert_int_equal(elf_symtab_find(file, sizeof(file), &tab), symtab_damages[i].err);
	}
}

static u8 *read_self(size_t *size)
{
	FILE *f = fopen("/proc/self/exe", "rb");
	u8 *bytes;

	assert_non_null(f);
	fseek(f, 0, SEEK_END);
	*size = (size_t)ftell(f);
	rewind(f);
	bytes = malloc(*size);
	assert_int_equal(fread(bytes, 1, *size, f), *size);
	fclose(f);
	return bytes;
}

static void this_program_can_be_read(void **state)
{
	struct elf_symtab tab;
	struct elf_image elf;
	const char *why;
	u64 offset;
	size_t size;
	u8 *self = read_self(&size);

	(void)state;
	assert_int_equal(elf_open(&elf, self, size, &why), 0);
	assert_true(elf.load_segments >= 2);
	assert_int_equal(elf.pvh_entry, 0);
	assert_int_equal(elf_symtab_find(self, size, &tab), 0);
	assert_string_equal(elf_symbol_at(&tab, elf.entry, &offset), "_start");
	free(self);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(image_is_opened, make_image),
		cmocka_unit_test_setup(segments_are_given, make_image),
		cmocka_unit_test(damage_is_named),
		cmocka_unit_test_setup(too_many_and_too_few_segments, make_image),
		cmocka_unit_test_setup(cut_files_are_refused, make_image),
		cmocka_unit_test_setup(symbols_are_found, make_image),
		cmocka_unit_test_setup(bad_symbol_names_are_passed_over, make_image),
		cmocka_unit_test(damaged_symbol_tables_are_refused),
		cmocka_unit_test(this_program_can_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
