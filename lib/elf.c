/* SPDX-License-Identifier: MIT */
/*
 * Reader of x86 ELF programs: headers, load segments, PVH entry. Called at
 * boot for the root's image, and by workers for kernels of children. Every
 * number in the file is hostile until elf_range_in() has seen it; the file may
 * lie at any alignment or elsewhere, so its structures are copied out.
 * gABI chapters 4 and 5, and the i386 and x86-64 supplements.
 */
#include "lib/elf.h"

#include "base/errno.h"
#include "lib/elf_format.h"
#include "lib/string.h"

#define IMAGE_SIZE_MAX GIB
/* Far more than any file's notes have; bounds the search. */
#define NOTES_SIZE_MAX    (64 * KIB)

#define NOTE_NAME_XEN     "Xen"
#define NOTE_PHYS32_ENTRY 18u

#define WHY_UNREADABLE    "the file cannot be read"

/* Memory that segments take. */
struct extents {
	u32 count;
	struct {
		u64 start;
		u64 end;
	} of[ELF_SEGMENTS_MAX];
};

static bool memory_read(const void *context, u64 offset, void *to, size_t len)
{
	memcpy(to, (const u8 *)context + offset, len);
	return true;
}

struct elf_source elf_memory_source(const void *file, size_t size)
{
	return (struct elf_source){ .size = size, .read = memory_read, .context = file };
}

static bool source_read(const struct elf_source *source, u64 offset, void *to, size_t len)
{
	return elf_range_in(offset, len, source->size) &&
	       source->read(source->context, offset, to, len);
}

static void header_widen(struct elf_header *h, const struct elf32_header *h32)
{
	*h = (struct elf_header){
		.ident = h32->ident,
		.type = h32->type,
		.machine = h32->machine,
		.version = h32->version,
		.entry = h32->entry,
		.phoff = h32->phoff,
		.phentsize = h32->phentsize,
		.phnum = h32->phnum,
	};
}

static const char *header_check(const struct elf_header *h, bool accept_32)
{
	bool is_32 = h->ident.class == ELF_CLASS_32;

	if (h->machine != (is_32 ? ELF_MACHINE_386 : ELF_MACHINE_X86_64))
		return accept_32 ? "not for x86" : "not for 64-bit x86";
	if (h->ident.data != ELF_DATA_LITTLE || h->ident.version != ELF_VERSION ||
		h->version != ELF_VERSION)
		return "unknown kind of ELF file";
	return NULL;
}

const char *elf_header_read(struct elf_header *h, const struct elf_source *source, bool accept_32)
{
	struct elf32_header h32;

	if (source->size < sizeof(h32))
		return "not an ELF file";
	if (!source_read(source, 0, &h32, sizeof(h32)))
		return WHY_UNREADABLE;
	if (memcmp(h32.ident.magic, ELF_MAGIC, 4) != 0)
		return "not an ELF file";
	if (h32.ident.class == ELF_CLASS_32 && accept_32)
		header_widen(h, &h32);
	else if (h32.ident.class != ELF_CLASS_64)
		return accept_32 ? "not for x86" : "not for 64-bit x86";
	else if (source->size < sizeof(*h))
		return "not an ELF file";
	else if (!source_read(source, 0, h, sizeof(*h)))
		return WHY_UNREADABLE;
	return header_check(h, accept_32);
}

static u64 phdr_size(const struct elf_image *elf)
{
	return elf->is_32 ? sizeof(struct elf32_phdr) : sizeof(struct elf_phdr);
}

/* Program header @i, a 32-bit one widened. False: it cannot be read. */
static bool phdr_read(const struct elf_image *elf, u32 i, struct elf_phdr *ph)
{
	u64 at = elf->phdrs + i * phdr_size(elf);
	struct elf32_phdr p;

	if (!elf->is_32)
		return source_read(&elf->source, at, ph, sizeof(*ph));
	if (!source_read(&elf->source, at, &p, sizeof(p)))
		return false;
	*ph = (struct elf_phdr){
		.type = p.type,
		.flags = p.flags,
		.offset = p.offset,
		.vaddr = p.vaddr,
		.paddr = p.paddr,
		.filesz = p.filesz,
		.memsz = p.memsz,
		.align = p.align,
	};
	return true;
}

/* Segments without memory mean nothing and are passed over everywhere. */
static bool phdr_is_load(const struct elf_phdr *ph)
{
	return ph->type == PT_LOAD && ph->memsz > 0;
}

/* Takes over what the header says of the program headers. */
static const char *phdrs_find(struct elf_image *elf, const struct elf_header *h)
{
	elf->is_32 = h->ident.class == ELF_CLASS_32;
	elf->entry = h->entry;
	elf->phdrs = h->phoff;
	elf->phdr_count = h->phnum;
	if (h->type != ELF_TYPE_EXEC && h->type != ELF_TYPE_DYN)
		return "not an executable";
	if (h->phnum == 0)
		return "no segments";
	if (h->phentsize != phdr_size(elf) ||
		!elf_range_in(h->phoff, h->phnum * phdr_size(elf), elf->source.size))
		return "program headers beyond end of file";
	return NULL;
}

static const char *load_check(const struct elf_phdr *ph, u64 size)
{
	if (ph->filesz > ph->memsz)
		return "segment larger in the file than in memory";
	if (!elf_range_in(ph->offset, ph->filesz, size))
		return "segment beyond end of file";
	/* Room for rounding up to a page later on. */
	if (!elf_range_in(ph->paddr, ph->memsz, UINT64_MAX - PAGE_SIZE) ||
		!elf_range_in(ph->vaddr, ph->memsz, UINT64_MAX))
		return "segment beyond the address space";
	return NULL;
}

static bool extents_meet(const struct extents *extents, u64 start, u64 end)
{
	for (u32 i = 0; i < extents->count; i++)
		if (start < extents->of[i].end && extents->of[i].start < end)
			return true;
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

/* One more load segment. Returns NULL, or what is wrong with it. */
static const char *load_use(
	struct elf_image *elf, struct extents *extents, const struct elf_phdr *ph)
{
	const char *why = load_check(ph, elf->source.size);

	if (why != NULL)
		return why;
	if (elf->load_segments == ELF_SEGMENTS_MAX)
		return "too many segments";
	if (extents_meet(extents, ph->paddr, ph->paddr + ph->memsz))
		return "segments overlap";
	extents->of[extents->count].start = ph->paddr;
	extents->of[extents->count++].end = ph->paddr + ph->memsz;
	image_extend(elf, ph);
	return NULL;
}

static const char *loads_scan(struct elf_image *elf)
{
	struct extents extents = { .count = 0 };
	const char *why = NULL;

	for (u32 i = 0; i < elf->phdr_count && why == NULL; i++) {
		struct elf_phdr ph;

		if (!phdr_read(elf, i, &ph))
			return WHY_UNREADABLE;
		if (phdr_is_load(&ph))
			why = load_use(elf, &extents, &ph);
	}
	if (why != NULL)
		return why;
	if (elf->load_segments == 0)
		return "no segments to load";
	if (elf->phys_size > IMAGE_SIZE_MAX)
		return "segments span more than 1 GiB";
	return NULL;
}

/* True if @paddr lies in a segment, and not in a gap between two. */
static bool is_loaded(const struct elf_image *elf, u64 paddr)
{
	struct elf_segment seg;

	for (u32 i = 0; elf_segment_get(elf, i, &seg) == 0; i++) {
		if (paddr >= seg.paddr && paddr - seg.paddr < seg.memsz)
			return true;
	}
	return false;
}

/* Takes the PVH entry from a note, if it is that one; @name and @desc: in the file. */
static const char *note_use(struct elf_image *elf, const struct elf_note *note, u64 name, u64 desc)
{
	char text[sizeof(NOTE_NAME_XEN)];
	u64 entry = 0;

	if (note->type != NOTE_PHYS32_ENTRY || note->namesz != sizeof(text))
		return NULL;
	if (!source_read(&elf->source, name, text, sizeof(text)))
		return WHY_UNREADABLE;
	if (memcmp(text, NOTE_NAME_XEN, sizeof(text)) != 0)
		return NULL;
	if (note->descsz != 4 && note->descsz != 8)
		return "PVH entry note of unknown size";
	if (!source_read(&elf->source, desc, &entry, note->descsz))
		return WHY_UNREADABLE;
	if (!is_loaded(elf, entry))
		return "PVH entry outside of the image";
	elf->pvh_entry = entry;
	return NULL;
}

static const char *notes_scan(struct elf_image *elf, const struct elf_phdr *ph)
{
	u64 align = ph->align == 8 ? 8 : 4;
	u64 at = 0;

	if (!elf_range_in(ph->offset, ph->filesz, elf->source.size))
		return "notes beyond end of file";
	while (ph->filesz - at >= sizeof(struct elf_note)) {
		u64 start = ph->offset + at;
		struct elf_note note;
		const char *why;
		u64 desc_at;

		if (!source_read(&elf->source, start, &note, sizeof(note)))
			return WHY_UNREADABLE;
		desc_at = ALIGN_UP(sizeof(note) + (u64)note.namesz, align);
		if (!elf_range_in(at, desc_at + note.descsz, ph->filesz))
			return "damaged note";
		why = note_use(elf, &note, start + sizeof(note), start + desc_at);
		if (why != NULL)
			return why;
		at = MIN(at + ALIGN_UP(desc_at + note.descsz, align), ph->filesz);
	}
	return NULL;
}

static const char *all_notes_scan(struct elf_image *elf)
{
	u64 left = NOTES_SIZE_MAX;

	for (u32 i = 0; i < elf->phdr_count; i++) {
		struct elf_phdr ph;
		const char *why;

		if (!phdr_read(elf, i, &ph))
			return WHY_UNREADABLE;
		if (ph.type != PT_NOTE)
			continue;
		if (ph.filesz > left)
			return "more than 64 KiB of notes";
		left -= ph.filesz;
		why = notes_scan(elf, &ph);
		if (why != NULL)
			return why;
	}
	return NULL;
}

/* Checks all of *image, whose source is set, and gives it as *elf. */
static int image_scan(
	struct elf_image *elf, struct elf_image *image, bool accept_32, const char **why)
{
	struct elf_header h;

	*why = elf_header_read(&h, &image->source, accept_32);
	if (*why == NULL)
		*why = phdrs_find(image, &h);
	if (*why == NULL)
		*why = loads_scan(image);
	if (*why == NULL)
		*why = all_notes_scan(image);
	if (*why != NULL)
		return -EINVAL;
	*elf = *image;
	return 0;
}

int elf_open(struct elf_image *elf, const void *file, size_t size, const char **why)
{
	struct elf_image image = { .source = elf_memory_source(file, size), .file = file };

	return image_scan(elf, &image, false, why);
}

int elf_open_source(struct elf_image *elf, const struct elf_source *source, const char **why)
{
	struct elf_image image = { .source = *source };

	return image_scan(elf, &image, true, why);
}

int elf_segment_get(const struct elf_image *elf, u32 index, struct elf_segment *seg)
{
	for (u32 i = 0; i < elf->phdr_count; i++) {
		struct elf_phdr ph;

		if (!phdr_read(elf, i, &ph))
			return -EIO;
		if (!phdr_is_load(&ph) || index-- > 0)
			continue;
		*seg = (struct elf_segment){
			.data = elf->file != NULL ? elf->file + ph.offset : NULL,
			.offset = ph.offset,
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

int elf_entry_phys(const struct elf_image *elf, u64 *entry)
{
	struct elf_segment seg;
	int err = -ENOENT;

	for (u32 i = 0; elf_segment_get(elf, i, &seg) == 0; i++) {
		if (elf->entry - seg.vaddr < seg.memsz) {
			*entry = elf->entry - seg.vaddr + seg.paddr;
			return 0;
		}
		if (elf->entry - seg.paddr < seg.memsz) {
			*entry = elf->entry;
			err = 0;
		}
	}
	return err;
}
