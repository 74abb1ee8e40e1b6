/* SPDX-License-Identifier: MIT */
/*
 * The ELF structures that lib/elf.c and lib/elf_symbols.c read, as they lie in
 * a file, and what both do with a header. gABI chapter 4.
 */
#pragma once

#include "base/types.h"
#include "lib/elf.h"

#define ELF_MAGIC          "\177ELF"
#define ELF_CLASS_32       1
#define ELF_CLASS_64       2
#define ELF_DATA_LITTLE    1
#define ELF_VERSION        1
#define ELF_TYPE_EXEC      2
#define ELF_TYPE_DYN       3
#define ELF_MACHINE_386    3
#define ELF_MACHINE_X86_64 62

#define PT_LOAD            1u
#define PT_NOTE            4u
#define PF_X               1u
#define PF_W               2u
#define SHT_SYMTAB         2u
#define SHT_STRTAB         3u
#define STT_FUNC           2
#define SHN_UNDEF          0

struct elf_ident {
	u8 magic[4];
	u8 class;
	u8 data;
	u8 version;
	u8 rest[9];
};

struct elf_header {
	struct elf_ident ident;
	u16 type;
	u16 machine;
	u32 version;
	u64 entry;
	u64 phoff;
	u64 shoff;
	u32 flags;
	u16 ehsize;
	u16 phentsize;
	u16 phnum;
	u16 shentsize;
	u16 shnum;
	u16 shstrndx;
};

struct elf32_header {
	struct elf_ident ident;
	u16 type;
	u16 machine;
	u32 version;
	u32 entry;
	u32 phoff;
	u32 shoff;
	u32 flags;
	u16 ehsize;
	u16 phentsize;
	u16 phnum;
	u16 shentsize;
	u16 shnum;
	u16 shstrndx;
};

struct elf_phdr {
	u32 type;
	u32 flags;
	u64 offset;
	u64 vaddr;
	u64 paddr;
	u64 filesz;
	u64 memsz;
	u64 align;
};

struct elf32_phdr {
	u32 type;
	u32 offset;
	u32 vaddr;
	u32 paddr;
	u32 filesz;
	u32 memsz;
	u32 flags;
	u32 align;
};

struct elf_shdr {
	u32 name;
	u32 type;
	u64 flags;
	u64 addr;
	u64 offset;
	u64 size;
	u32 link;
	u32 info;
	u64 addralign;
	u64 entsize;
};

struct elf_sym {
	u32 name;
	u8 info;
	u8 other;
	u16 shndx;
	u64 value;
	u64 size;
};

struct elf_note {
	u32 namesz;
	u32 descsz;
	u32 type;
};

static_assert(sizeof(struct elf_ident) == 16);
static_assert(sizeof(struct elf_header) == 64);
static_assert(sizeof(struct elf32_header) == 52);
static_assert(sizeof(struct elf_phdr) == 56);
static_assert(sizeof(struct elf32_phdr) == 32);
static_assert(sizeof(struct elf_shdr) == 64);
static_assert(sizeof(struct elf_sym) == 24);
static_assert(sizeof(struct elf_note) == 12);

static inline bool elf_range_in(u64 offset, u64 length, u64 total)
{
	return offset <= total && length <= total - offset;
}

/* A file in memory as a source. */
struct elf_source elf_memory_source(const void *file, size_t size);
/*
 * Reads the header, a 32-bit one widened, if @accept_32 allows it. Returns
 * NULL, or what is wrong with it.
 */
const char *elf_header_read(struct elf_header *h, const struct elf_source *source, bool accept_32);
