/* SPDX-License-Identifier: MIT */
/*
 * lib/elf.c on files that are read piece by piece, of 32 and 64 bits.
 * sources: lib/elf.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/errno.h"
#include "lib/elf.h"

#define NOTE_AT   0x200u
#define FILE_SIZE 0x18000u

static u8 file[FILE_SIZE];
static u64 size;
static u64 fails_at; /* reads that touch this byte do not succeed */

static void put(u32 at, u32 bytes, u64 value)
{
	memcpy(file + at, &value, bytes);
}

static void put_ident(u8 class, u16 machine)
{
	memset(file, 0, sizeof(file));
	memcpy(file, "\177ELF", 4);
	put(4, 1, class);
	put(5, 2, 0x0101);
	put(16, 2, 2);
	put(18, 2, machine);
	put(20, 4, 1);
	size = 0x1000;
	fails_at = UINT64_MAX;
}

static void put_note(void)
{
	put(NOTE_AT, 4, 4);
	put(NOTE_AT + 4, 4, 4);
	put(NOTE_AT + 8, 4, 18);
	memcpy(file + NOTE_AT + 12, "Xen", 4);
	put(NOTE_AT + 16, 4, 0x100010);
}

static void put_phdr32(u32 i, u32 type, u32 offset, u32 vaddr, u32 paddr, u32 filesz, u32 memsz)
{
	const u32 words[] = { type, offset, vaddr, paddr, filesz, memsz, 5, 4 };

	memcpy(file + 52 + i * 32, words, sizeof(words));
}

/* Two segments, the first linked high, and a note. */
static int make_32(void **state)
{
	(void)state;
	put_ident(1, 3);
	put(24, 4, 0xc0100020);
	put(28, 4, 52);
	put(42, 2, 32);
	put(44, 2, 3);
	put_phdr32(0, 1, 0x400, 0xc0100000, 0x100000, 0x100, 0x100);
	put_phdr32(1, 4, NOTE_AT, 0, 0, 20, 20);
	put_phdr32(2, 1, 0x500, 0xc0200000, 0x200000, 0, 0x2000);
	put_note();
	return 0;
}

static void put_phdr64(u32 i, u32 type, u64 offset, u64 filesz, u64 memsz)
{
	u32 at = 64 + i * 56;

	put(at, 4, type);
	put(at + 4, 4, 6);
	put(at + 8, 8, offset);
	put(at + 16, 8, 0xffffffff80100000);
	put(at + 24, 8, 0x100000);
	put(at + 32, 8, filesz);
	put(at + 40, 8, memsz);
}

static int make_64(void **state)
{
	(void)state;
	put_ident(2, 62);
	put(24, 8, 0x100040);
	put(32, 8, 64);
	put(54, 2, 56);
	put(56, 2, 2);
	put_phdr64(0, 1, 0x400, 0x100, 0x100);
	put_phdr64(1, 4, NOTE_AT, 20, 20);
	put_note();
	return 0;
}

static bool file_read(const void *context, u64 offset, void *to, size_t len)
{
	assert_ptr_equal(context, file);
	assert_true(len <= size && offset <= size - len);
	if (fails_at >= offset && fails_at < offset + len)
		return false;
	memcpy(to, file + offset, len);
	return true;
}

static int open_file(struct elf_image *elf, const char **why)
{
	struct elf_source source = { size, file_read, file };

	return elf_open_source(elf, &source, why);
}

static void files_of_32_bits(void **state)
{
	struct elf_segment seg;
	struct elf_image elf;
	const char *why;
	u64 entry;

	(void)state;
	assert_int_equal(open_file(&elf, &why), 0);
	assert_int_equal(elf.pvh_entry, 0x100010);
	assert_int_equal(elf.phys_base, 0x100000);
	assert_int_equal(elf.phys_size, 0x102000);
	assert_int_equal(elf.load_segments, 2);
	assert_int_equal(elf_segment_get(&elf, 0, &seg), 0);
	assert_null(seg.data);
	assert_int_equal(seg.offset, 0x400);
	assert_int_equal(seg.vaddr, 0xc0100000);
	assert_int_equal(elf_segment_get(&elf, 1, &seg), 0);
	assert_int_equal(seg.paddr, 0x200000);
	assert_int_equal(seg.memsz, 0x2000);
	assert_int_equal(seg.filesz, 0);
	assert_int_equal(elf_segment_get(&elf, 2, &seg), -ENOENT);
	assert_int_equal(elf_entry_phys(&elf, &entry), 0);
	assert_int_equal(entry, 0x100020);
}

static void files_of_64_bits(void **state)
{
	struct elf_image elf;
	const char *why;
	u64 entry;

	(void)state;
	assert_int_equal(open_file(&elf, &why), 0);
	assert_int_equal(elf.pvh_entry, 0x100010);
	/* This one's entry is a physical address. */
	assert_int_equal(elf_entry_phys(&elf, &entry), 0);
	assert_int_equal(entry, 0x100040);
	put(24, 8, 0xffffffff80100041);
	assert_int_equal(open_file(&elf, &why), 0);
	assert_int_equal(elf_entry_phys(&elf, &entry), 0);
	assert_int_equal(entry, 0x100041);
	put(24, 8, 0xffffffff80100100);
	assert_int_equal(open_file(&elf, &why), 0);
	assert_int_equal(elf_entry_phys(&elf, &entry), -ENOENT);
}

/* In memory, 64 bits only are accepted. */
static void memory_wants_64_bits(void **state)
{
	struct elf_image elf;
	const char *why;

	(void)state;
	assert_int_equal(elf_open(&elf, file, size, &why), -EINVAL);
	assert_string_equal(why, "not for 64-bit x86");
}

static const struct {
	u32 at;
	u32 bytes;
	u64 value;
	const char *why;
} damages[] = {
	{ 0, 1, 0, "not an ELF file" },
	{ 4, 1, 3, "not for x86" },
	{ 18, 2, 62, "not for x86" },
	{ 44, 2, 0, "no segments" },
	{ 42, 2, 56, "program headers beyond end of file" },
	{ 28, 4, 0x1000 - 95, "program headers beyond end of file" },
	{ 28, 4, UINT32_MAX, "program headers beyond end of file" },
	{ 52 + 16, 4, 0x101, "segment larger in the file than in memory" },
	{ 52 + 4, 4, 0xf01, "segment beyond end of file" },
	{ 52 + 12, 4, 0x200001, "segments overlap" },
	{ 52 + 64 + 20, 4, 0x40000000, "segments span more than 1 GiB" },
	{ NOTE_AT, 4, UINT32_MAX, "damaged note" },
};

static void damage_is_named(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(damages); i++) {
		struct elf_image elf;
		const char *why;

		make_32(state);
		put(damages[i].at, damages[i].bytes, damages[i].value);
		assert_int_equal(open_file(&elf, &why), -EINVAL);
		assert_string_equal(why, damages[i].why);
	}
}

static void short_files_are_not_elf(void **state)
{
	struct elf_image elf;
	const char *why;

	(void)state;
	for (size = 0; size < 64; size++) {
		assert_int_equal(open_file(&elf, &why), -EINVAL);
		assert_string_equal(why, "not an ELF file");
	}
}

/* Wherever the file does not read, that is what is said. */
static void unreadable_files(void **state)
{
	static const u64 places[] = { 0, 63, 64, 119, 120, NOTE_AT, NOTE_AT + 12, NOTE_AT + 19 };
	struct elf_segment seg;
	struct elf_image elf;
	const char *why;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		fails_at = places[i];
		assert_int_equal(open_file(&elf, &why), -EINVAL);
		assert_string_equal(why, "the file cannot be read");
	}
	fails_at = UINT64_MAX;
	assert_int_equal(open_file(&elf, &why), 0);
	fails_at = 64;
	assert_int_equal(elf_segment_get(&elf, 0, &seg), -EIO);
}

static void notes_are_bounded(void **state)
{
	struct elf_image elf;
	const char *why;

	(void)state;
	size = FILE_SIZE;
	put_phdr64(1, 4, NOTE_AT, 64 * KIB, 64 * KIB);
	assert_int_equal(open_file(&elf, &why), 0);
	put_phdr64(1, 4, NOTE_AT, 64 * KIB + 1, 64 * KIB);
	assert_int_equal(open_file(&elf, &why), -EINVAL);
	assert_string_equal(why, "more than 64 KiB of notes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(files_of_32_bits, make_32),
		cmocka_unit_test_setup(files_of_64_bits, make_64),
		cmocka_unit_test_setup(memory_wants_64_bits, make_32),
		cmocka_unit_test(damage_is_named),
		cmocka_unit_test_setup(short_files_are_not_elf, make_64),
		cmocka_unit_test_setup(unreadable_files, make_64),
		cmocka_unit_test_setup(notes_are_bounded, make_64),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
