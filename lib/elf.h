/* SPDX-License-Identifier: MIT */
/*
 * Reader of little-endian x86 ELF files: load segments, PVH entry note,
 * symbols. The file is hostile: every offset and size is checked before use.
 * It copies and maps nothing; callers do.
 * System V ABI, gABI chapters 4 and 5; Xen "x86/HVM direct boot ABI" (PVH).
 */
#pragma once

#include "base/types.h"

/* No honest kernel has more load segments; bounds the checks. */
#define ELF_SEGMENTS_MAX 64u

/* Where the bytes of a file come from. */
struct elf_source {
	u64 size;
	/* Copies @len bytes at @offset, which lie within size. False: it cannot. */
	bool (*read)(const void *context, u64 offset, void *to, size_t len);
	const void *context;
};

struct elf_image {
	struct elf_source source;
	const u8 *file; /* NULL: not in memory */
	bool is_32;
	u64 phdrs; /* offset of the program headers */
	u32 phdr_count;
	u64 phys_base; /* lowest p_paddr of any PT_LOAD, page-aligned down */
	u64 phys_size; /* bytes from phys_base to the highest end, page-aligned up */
	u64 virt_base; /* p_vaddr that belongs to phys_base */
	u64 entry;     /* e_entry */
	u64 pvh_entry; /* XEN_ELFNOTE_PHYS32_ENTRY, 0 if there is none */
	u32 load_segments;
};

/* One PT_LOAD segment: filesz bytes at offset, memsz - filesz are zero. */
struct elf_segment {
	const u8 *data; /* at offset, if the file is in memory; else NULL */
	u64 offset;
	u64 filesz;
	u64 memsz;
	u64 paddr;
	u64 vaddr;
	bool write;
	bool exec;
};

/*
 * Checks the whole of a 64-bit file in memory. Returns 0, or -EINVAL with *why
 * set to a constant phrase for people ("not an ELF file", "segment beyond end
 * of file", ...). Segments may not overlap in physical space, nor exceed 1 GiB
 * together.
 */
[[nodiscard]] int elf_open(struct elf_image *elf, const void *file, size_t size, const char **why);
/* The same for a file of 32 or 64 bits that is read piece by piece. */
[[nodiscard]] int elf_open_source(
	struct elf_image *elf, const struct elf_source *source, const char **why);

/*
 * PT_LOAD segment number @index (0 to load_segments - 1) of an image that
 * was opened. Returns 0, -ENOENT, or -EIO if the source does not read.
 */
[[nodiscard]] int elf_segment_get(const struct elf_image *elf, u32 index, struct elf_segment *seg);

/*
 * Where e_entry lies in physical memory: by the segment whose virtual addresses
 * hold it, else as it stands. -ENOENT: in no segment.
 */
[[nodiscard]] int elf_entry_phys(const struct elf_image *elf, u64 *entry);

/* A symbol table, as found in a file (elf_symtab) or handed on by GRUB. */
struct elf_symtab {
	const u8 *symbols; /* Elf64_Sym array */
	u64 symbols_size;
	const char *strings;
	u64 strings_size;
};

/* Finds .symtab and its strings. Returns 0, -ENOENT, or -EINVAL. */
[[nodiscard]] int elf_symtab_find(const void *file, size_t size, struct elf_symtab *tab);

/*
 * Name of the function that holds @addr and the distance from its start, or
 * NULL if there is none. Checks every string offset; safe while dying.
 */
const char *elf_symbol_at(const struct elf_symtab *tab, u64 addr, u64 *offset);
