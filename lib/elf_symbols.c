/* SPDX-License-Identifier: MIT */
/*
 * Symbols of 64-bit ELF files in memory, for backtraces. Called by whoever
 * dies, so it asserts nothing. gABI chapter 4.
 */
#include "base/errno.h"
#include "lib/elf.h"
#include "lib/elf_format.h"
#include "lib/string.h"

/* Assembly may leave a function's size out; none is longer than this. */
#define UNSIZED_MAX PAGE_SIZE

static struct elf_shdr shdr_read(const void *file, const struct elf_header *h, u32 i)
{
	struct elf_shdr sh;

	memcpy(&sh, (const u8 *)file + h->shoff + i * sizeof(sh), sizeof(sh));
	return sh;
}

/* Fills *tab from the section of symbols @sh. */
static int symtab_use(const void *file, u64 size, const struct elf_header *h,
	const struct elf_shdr *sh, struct elf_symtab *tab)
{
	struct elf_shdr strings;

	if (sh->link >= h->shnum || sh->entsize != sizeof(struct elf_sym) ||
		!elf_range_in(sh->offset, sh->size, size))
		return -EINVAL;
	strings = shdr_read(file, h, sh->link);
	if (strings.type != SHT_STRTAB || !elf_range_in(strings.offset, strings.size, size))
		return -EINVAL;
	*tab = (struct elf_symtab){
		.symbols = (const u8 *)file + sh->offset,
		.symbols_size = sh->size,
		.strings = (const char *)file + strings.offset,
		.strings_size = strings.size,
	};
	return 0;
}

int elf_symtab_find(const void *file, size_t size, struct elf_symtab *tab)
{
	struct elf_source source = elf_memory_source(file, size);
	struct elf_header h;

	if (elf_header_read(&h, &source, false) != NULL)
		return -EINVAL;
	if (h.shnum == 0)
		return -ENOENT;
	if (h.shentsize != sizeof(struct elf_shdr) ||
		!elf_range_in(h.shoff, h.shnum * sizeof(struct elf_shdr), size))
		return -EINVAL;
	for (u32 i = 0; i < h.shnum; i++) {
		struct elf_shdr sh = shdr_read(file, &h, i);

		if (sh.type == SHT_SYMTAB)
			return symtab_use(file, size, &h, &sh, tab);
	}
	return -ENOENT;
}

static bool symbol_holds(const struct elf_sym *sym, u64 addr)
{
	u64 size = sym->size > 0 ? sym->size : UNSIZED_MAX;

	return (sym->info & 15) == STT_FUNC && sym->shndx != SHN_UNDEF && sym->value <= addr &&
	       addr - sym->value < size;
}

/* The symbol's name, or NULL if it does not lie within the strings. */
static const char *symbol_name(const struct elf_symtab *tab, const struct elf_sym *sym)
{
	u64 left;

	if (sym->name >= tab->strings_size)
		return NULL;
	left = tab->strings_size - sym->name;
	if (strnlen(tab->strings + sym->name, left) == left)
		return NULL;
	return tab->strings + sym->name;
}

const char *elf_symbol_at(const struct elf_symtab *tab, u64 addr, u64 *offset)
{
	const char *best = NULL;
	u64 best_value = 0;

	for (u64 i = 0; i < tab->symbols_size / sizeof(struct elf_sym); i++) {
		struct elf_sym sym;
		const char *name;

		memcpy(&sym, tab->symbols + i * sizeof(sym), sizeof(sym));
		if (!symbol_holds(&sym, addr) || (best != NULL && sym.value <= best_value))
			continue;
		name = symbol_name(tab, &sym);
		if (name == NULL)
			continue;
		best = name;
		best_value = sym.value;
	}
	if (best != NULL)
		*offset = addr - best_value;
	return best;
}
