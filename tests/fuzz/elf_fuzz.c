/* SPDX-License-Identifier: MIT */
/*
 * Opens any bytes as an ELF file, in memory and piece by piece; reads all
 * segments and looks up symbols.
 * sources: lib/elf.c lib/elf_symbols.c
 */
#include <string.h>

#include "lib/elf.h"

/* Reading must happen, whatever the compiler thinks of it. */
static volatile u64 sink;

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static void read_segments(const struct elf_image *elf)
{
	struct elf_segment seg;

	for (u32 i = 0; elf_segment_get(elf, i, &seg) == 0; i++) {
		if (i >= elf->load_segments || seg.filesz > seg.memsz ||
			seg.paddr < elf->phys_base ||
			seg.paddr + seg.memsz > elf->phys_base + elf->phys_size)
			__builtin_trap();
		for (u64 b = 0; b < seg.filesz; b++)
			sink += seg.data[b];
	}
}

static const u8 *input;
static size_t input_size;

static bool input_read(const void *context, u64 offset, void *to, size_t len)
{
	if (context != NULL || offset > input_size || len > input_size - offset)
		__builtin_trap();
	memcpy(to, input + offset, len);
	return true;
}

/* What is accepted in memory is accepted in pieces, too. */
static void read_pieces(const u8 *data, size_t size, bool accepted)
{
	struct elf_source source = { .size = size, .read = input_read };
	struct elf_segment seg;
	struct elf_image elf;
	const char *why;
	u64 entry;

	input = data;
	input_size = size;
	if (elf_open_source(&elf, &source, &why) != 0) {
		if (accepted || why == NULL)
			__builtin_trap();
		return;
	}
	if (elf_entry_phys(&elf, &entry) == 0 &&
		(entry < elf.phys_base || entry - elf.phys_base >= elf.phys_size))
		__builtin_trap();
	for (u32 i = 0; elf_segment_get(&elf, i, &seg) == 0; i++)
		if (seg.data != NULL || seg.filesz > size || seg.offset > size - seg.filesz)
			__builtin_trap();
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct elf_symtab tab;
	bool accepted;
	struct elf_image elf;
	const char *why;
	u64 offset;

	accepted = elf_open(&elf, data, size, &why) == 0;
	if (accepted)
		read_segments(&elf);
	else if (why == NULL)
		__builtin_trap();
	read_pieces(data, size, accepted);
	if (elf_symtab_find(data, size, &tab) != 0)
		return 0;
	for (u64 addr = 0; addr < 0x4000; addr += 0x7ff) {
		const char *name = elf_symbol_at(&tab, addr, &offset);

		if (name != NULL && strlen(name) >= tab.strings_size)
			__builtin_trap();
	}
	return 0;
}
