/* SPDX-License-Identifier: MIT */
/*
 * Finds one symbol of the vDSO. It comes from the kernel under test and is
 * mapped whole, so its tables are believed.
 */
#include "tests/linux/lib/vdso.h"

#include "lib/elf_format.h"
#include "lib/string.h"

#define AT_NULL         0u
#define AT_SYSINFO_EHDR 33u
#define PT_DYNAMIC      2u
#define DT_NULL         0u
#define DT_HASH         4u
#define DT_STRTAB       5u
#define DT_SYMTAB       6u

struct tables {
	const char *base; /* where its address 0 lies */
	const u32 *hash;  /* buckets, then the count of symbols */
	const char *names;
	const struct elf_sym *symbols;
};

static u64 auxiliary_value(const u64 *p, u64 type)
{
	for (; p[0] != AT_NULL; p += 2) {
		if (p[0] == type)
			return p[1];
	}
	return 0;
}

static void read_dynamic(struct tables *t, const u64 *p)
{
	for (; p[0] != DT_NULL; p += 2) {
		const void *at = t->base + p[1];

		if (p[0] == DT_HASH)
			t->hash = at;
		else if (p[0] == DT_STRTAB)
			t->names = at;
		else if (p[0] == DT_SYMTAB)
			t->symbols = at;
	}
}

static bool find_tables(struct tables *t, const struct elf_header *elf)
{
	const struct elf_phdr *segments = (const void *)((const char *)elf + elf->phoff);
	const u64 *dynamic = NULL;

	for (u32 i = 0; i < elf->phnum; i++) {
		if (segments[i].type == PT_LOAD)
			t->base = (const char *)elf + segments[i].offset - segments[i].vaddr;
		else if (segments[i].type == PT_DYNAMIC)
			dynamic = (const void *)((const char *)elf + segments[i].offset);
	}
	if (t->base == NULL || dynamic == NULL)
		return false;
	read_dynamic(t, dynamic);
	return t->hash != NULL && t->names != NULL && t->symbols != NULL;
}

vdso_clock_gettime *vdso_find(const u64 *auxiliary)
{
	const struct elf_header *elf = (const void *)auxiliary_value(auxiliary, AT_SYSINFO_EHDR);
	struct tables t = { NULL, NULL, NULL, NULL };

	if (elf == NULL || !find_tables(&t, elf))
		return NULL;
	for (u32 i = 0; i < t.hash[1]; i++) {
		const struct elf_sym *s = &t.symbols[i];

		if (strcmp(t.names + s->name, "__vdso_clock_gettime") == 0)
			return (vdso_clock_gettime *)(u64)(t.base + s->value);
	}
	return NULL;
}
