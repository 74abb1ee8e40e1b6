/* SPDX-License-Identifier: MIT */
/*
 * Reader of 64-bit x86 ELF files in memory. Called at boot for the root's
 * image, by the root for kernels of children, and for symbols by whoever
 * dies. Every number in the file is hostile until range_in() has seen it; the
 * file may lie at any alignment, so its structures are copied out.
 * gABI chapters 4 and 5, and the x86-64 supplement.
 */
#include "lib/elf.h"

#include "base/errno.h"
#include "lib/string.h"

/* A number of load segments that no honest kernel has; bounds the checks. */
#define LOAD_SEGMENTS_MAX 64u
#define IMAGE_SIZE_MAX    GIB
/* Assembly may leave a function's size out; none is longer than this. */
#define UNSIZED_MAX        PAGE_SIZE

#define ELF_CLASS_64       2
#define ELF_DATA_LITTLE    1
#define ELF_VERSION        1
#define ELF_TYPE_EXEC      2
#define ELF_TYPE_DYN       3
#define ELF_MACHINE_X86_64 62

#define PT_LOAD            1u
#define PT_NOTE            4u
#define PF_X               1u
#define PF_W               2u
#define SHT_SYMTAB         2u
#define SHT_STRTAB         3u
#define STT_FUNC           2
#define SHN_UNDEF          0

#define NOTE_NAME_XEN      "Xen"
#define NOTE_PHYS32_ENTRY  18u

struct elf_header {
	u8 magic[4];
	u8 class;
	u8 data;
	u8 ident_version;
	u8 ident_rest[9];
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

static_assert(sizeof(struct elf_header) == 64);
static_assert(sizeof(struct elf_phdr) == 56);
static_assert(sizeof(struct elf_shdr) == 64);
static_assert(sizeof(struct elf_sym) == 24);
static_assert(sizeof(struct elf_note) == 12);

static bool range_in(u64 offset, u64 length, u64 total)
{
	return offset <= total && length <= total - offset;
}

/* Returns NULL, or what is wrong with it. */
static const char *header_check(const struct elf_header *h, u64 size)
{
	if (size < sizeof(*h) || memcmp(h->magic, "\177ELF", 4) != 0)
		return "not an ELF file";
	if (h->class != ELF_CLASS_64 || h->machine != ELF_MACHINE_X86_64)
		return "not for 64-bit x86";
	if (h->data != ELF_DATA_LITTLE || h->ident_version != ELF_VERSION ||
		h->version != ELF_VERSION)
		return "unknown kind of ELF file";
	return NULL;
}

static struct elf_header header_read(const void *file, u64 size)
{
	struct elf_header h = { 0 };

	memcpy(&h, file, MIN(size, sizeof(h)));
	return h;
}

/* Program header @i of a file whose table has been found to be inside. */
static struct elf_phdr phdr_read(const void *file, const struct elf_header *h, u32 i)
{
	struct elf_phdr ph;

	memcpy(&ph, (const u8 *)file + h->phoff + i * sizeof(ph), sizeof(ph));
	return ph;
}

/* Segments without memory mean nothing and are passed over everywhere. */
static bool phdr_is_load(const struct elf_phdr *ph)
{
	return ph->type == PT_LOAD && ph->memsz > 0;
}

static const char *phdrs_check(const struct elf_header *h, u64 size)
{
	if (h->type != ELF_TYPE_EXEC && h->type != ELF_TYPE_DYN)
		return "not an executable";
	if (h->phnum == 0)
		return "no segments";
	if (h->phentsize != sizeof(struct elf_phdr) ||
		!range_in(h->phoff, h->phnum * sizeof(struct elf_phdr), size))
		return "program headers beyond end of file";
	return NULL;
}

static const char *load_check(const struct elf_phdr *ph, u64 size)
{
	if (ph->filesz > ph->memsz)
		return "segment larger in the file than in memory";
	if (!range_in(ph->offset, ph->filesz, size))
		return "segment beyond end of file";
	/* Room for rounding up to a page later on. */
	if (!range_in(ph->paddr, ph->memsz, UINT64_MAX - PAGE_SIZE) ||
		!range_in(ph->vaddr, ph->memsz, UINT64_MAX))
		return "segment beyond the address space";
	return NULL;
}

/* Does load segment @ph meet one of those before it, numbers below @before? */
static bool load_overlaps(
	const void *file, const struct elf_header *h, const struct elf_phdr *ph, u32 before)
{
	for (u32 i = 0; i < before; i++) {
		struct elf_phdr other = phdr_read(file, h, i);

		if (phdr_is_load(&other) && ph->paddr < other.paddr + other.memsz &&
			other.paddr < ph->paddr + ph->memsz)
			return true;
	}
	return false;
}

/* Takes one more checked segment into the image's extent. */
static void image_extend(struct elf_image *elf, const struct elf_phdr *ph)
{
	u64 end = elf->phys_base + elf->phys_size;
	u64 base = ALIGN_DOWN(ph->paddr, PAGE_SIZE);

	if (elf->load_segments == 0 || base < elf->phys_base) {
		elf->phys_base = base;
		elf->virt_base = ph->vaddr - (ph->paddr - base);
	}
	end = MAX(end, ALIGN_UP(ph->paddr + ph->memsz, PAGE_SIZE));
	elf->phys_size = end - elf->phys_base;
	elf->load_segments++;
}

static const char *loads_scan(struct elf_image *elf, const struct elf_header *h)
{
	for (u32 i = 0; i < h->phnum; i++) {
		struct elf_phdr ph = phdr_read(elf->file, h, i);
		const char *why;

		if (!phdr_is_load(&ph))
			continue;
		why = load_check(&ph, elf->file_size);
		if (why != NULL)
			return why;
		if (elf->load_segments == LOAD_SEGMENTS_MAX)
			return "too many segments";
		if (load_overlaps(elf->file, h, &ph, i))
			return "segments overlap";
		image_extend(elf, &ph);
	}
	if (elf->load_segments == 0)
		return "no segments to load";
	if (elf->phys_size > IMAGE_SIZE_MAX)
		return "segments span more than 1 GiB";
	return NULL;
}

/* Takes the PVH entry from a note, if it is that one. */
static const char *note_use(
	struct elf_image *elf, const struct elf_note *note, const u8 *name, const u8 *desc)
{
	u64 entry = 0;

	if (note->type != NOTE_PHYS32_ENTRY || note->namesz != sizeof(NOTE_NAME_XEN) ||
		memcmp(name, NOTE_NAME_XEN, sizeof(NOTE_NAME_XEN)) != 0)
		return NULL;
	if (note->descsz != 4 && note->descsz != 8)
		return "PVH entry note of unknown size";
	memcpy(&entry, desc, note->descsz);
	if (entry < elf->phys_base || entry - elf->phys_base >= elf->phys_size)
		return "PVH entry outside of the image";
	elf->pvh_entry = entry;
	return NULL;
}

static const char *notes_scan(struct elf_image *elf, const struct elf_phdr *ph)
{
	u64 align = ph->align == 8 ? 8 : 4;
	u64 at = 0;

	if (!range_in(ph->offset, ph->filesz, elf->file_size))
		return "notes beyond end of file";
	while (ph->filesz - at >= sizeof(struct elf_note)) {
		const u8 *start = elf->file + ph->offset + at;
		struct elf_note note;
		const char *why;
		u64 desc_at;

		memcpy(&note, start, sizeof(note));
		desc_at = ALIGN_UP(sizeof(note) + (u64)note.namesz, align);
		if (!range_in(at, desc_at + note.descsz, ph->filesz))
			return "damaged note";
		why = note_use(elf, &note, start + sizeof(note), start + desc_at);
		if (why != NULL)
			return why;
		at = MIN(at + ALIGN_UP(desc_at + note.descsz, align), ph->filesz);
	}
	return NULL;
}

static const char *all_notes_scan(struct elf_image *elf, const struct elf_header *h)
{
	for (u32 i = 0; i < h->phnum; i++) {
		struct elf_phdr ph = phdr_read(elf->file, h, i);
		const char *why = NULL;

		if (ph.type == PT_NOTE)
			why = notes_scan(elf, &ph);
		if (why != NULL)
			return why;
	}
	return NULL;
}

int elf_open(struct elf_image *elf, const void *file, size_t size, const char **why)
{
	struct elf_header h = header_read(file, size);
	struct elf_image image = { .file = file, .file_size = size, .entry = h.entry };

	*why = header_check(&h, size);
	if (*why == NULL)
		*why = phdrs_check(&h, size);
	if (*why == NULL)
		*why = loads_scan(&image, &h);
	if (*why == NULL)
		*why = all_notes_scan(&image, &h);
	if (*why != NULL)
		return -EINVAL;
	*elf = image;
	return 0;
}

int elf_segment_get(const struct elf_image *elf, u32 index, struct elf_segment *seg)
{
	struct elf_header h = header_read(elf->file, elf->file_size);

	for (u32 i = 0; i < h.phnum; i++) {
		struct elf_phdr ph = phdr_read(elf->file, &h, i);

		if (!phdr_is_load(&ph) || index-- > 0)
			continue;
		*seg = (struct elf_segment){
			.data = elf->file + ph.offset,
			.filesz = ph.filesz,
			.memsz = ph.memsz,
			.paddr = ph.paddr,
			.vaddr = ph.vaddr,
			.write = ph.flags & PF_W,
			.exec = ph.flags & PF_X,
		};
		return 0;
	}
	return -ENOENT;
}

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
		!range_in(sh->offset, sh->size, size))
		return -EINVAL;
	strings = shdr_read(file, h, sh->link);
	if (strings.type != SHT_STRTAB || !range_in(strings.offset, strings.size, size))
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
	struct elf_header h = header_read(file, size);

	if (header_check(&h, size) != NULL)
		return -EINVAL;
	if (h.shnum == 0)
		return -ENOENT;
	if (h.shentsize != sizeof(struct elf_shdr) ||
		!range_in(h.shoff, h.shnum * sizeof(struct elf_shdr), size))
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
