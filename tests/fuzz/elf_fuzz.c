/* SPDX-License-Identifier: MIT */
/*
 * Opens any bytes as an ELF file; reads all segments and looks up symbols.
 * sources: lib/elf.c
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

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct elf_symtab tab;
	struct elf_image elf;
	const char *why;
	u64 offset;

	if (elf_open(&elf, data, size, &why) == 0)
		read_segments(&elf);
	else if (why == NULL)
		__builtin_trap();
	if (elf_symtab_find(data, size, &tab) != 0)
		return 0;
	for (u64 addr = 0; addr < 0x4000; addr += 0x7ff) {
		const char *name = elf_symbol_at(&tab, addr, &offset);

		if (name != NULL && strlen(name) >= tab.strings_size)
			__builtin_trap();
	}
	return 0;
}
