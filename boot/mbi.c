/* SPDX-License-Identifier: MIT */
/*
 * Parser of the multiboot2 information structure: one function per tag, in a
 * table. It owns nothing and is called once, on the first processor, before
 * memory management. Each tag lies inside the structure before its function
 * sees it and has at least the table's size; the function checks the rest.
 * Multiboot2 Specification 2.0, section 3.6.
 */
#include "boot/mbi.h"

#include "base/errno.h"
#include "boot/multiboot2.h"
#include "lib/string.h"

#define SCREEN_MAX        16384u
#define ELF64_SYMBOL_SIZE 24u

/* Copies the text from @text to the end of the tag; it may not be cut. */
static int mbi_text(
	const struct mb2_tag *tag, const char *text, char *out, size_t size, const char **why)
{
	size_t room = tag->size - (size_t)(text - (const char *)tag);
	size_t len = strnlen(text, room);

	if (len == room) {
		*why = "boot loader: text without an end";
		return -EINVAL;
	}
	if (len >= size) {
		*why = "boot loader: command line or module line too long";
		return -E2BIG;
	}
	memcpy(out, text, len + 1);
	return 0;
}

static int mbi_cmdline(const struct mb2_tag *tag, struct boot_info *info, const char **why)
{
	const struct mb2_tag_string *t = (const void *)tag;

	return mbi_text(tag, t->text, info->cmdline, sizeof(info->cmdline), why);
}

static int mbi_module(const struct mb2_tag *tag, struct boot_info *info, const char **why)
{
	const struct mb2_tag_module *t = (const void *)tag;
	struct boot_module *module = &info->modules[info->module_count];
	int err;

	if (info->module_count == BOOT_MODULES_MAX) {
		*why = "boot loader: too many modules";
		return -E2BIG;
	}
	if (t->end < t->start) {
		*why = "boot loader: module ends before it starts";
		return -EINVAL;
	}
	err = mbi_text(tag, t->text, module->text, sizeof(module->text), why);
	if (err)
		return err;
	module->start = t->start;
	module->end = t->end;
	info->module_count++;
	return 0;
}

/* A range that would end behind the last address ends there. */
static int mbi_add_memory(
	struct boot_info *info, u64 base, u64 length, enum memmap_type type, const char **why)
{
	u64 end = length > UINT64_MAX - base ? UINT64_MAX : base + length;
	int err = memmap_add(&info->memory, base, end, type);

	if (err)
		*why = "boot loader: memory map has too many pieces";
	return err;
}

static int mbi_memory_map(const struct mb2_tag *tag, struct boot_info *info, const char **why)
{
	const struct mb2_tag_memory_map *t = (const void *)tag;
	size_t room = tag->size - sizeof(*t);
	int err = 0;

	if (t->entry_size < sizeof(struct mb2_memory) || t->entry_size % 8) {
		*why = "boot loader: memory map with a wrong entry size";
		return -EINVAL;
	}
	for (size_t at = 0; room - at >= t->entry_size && !err; at += t->entry_size) {
		const struct mb2_memory *m = (const void *)(t->entries + at);
		bool known = m->type >= MB2_MEMORY_RAM && m->type <= MB2_MEMORY_BAD;

		err = mbi_add_memory(info, m->base, m->length,
			known ? (enum memmap_type)m->type : MEMMAP_RESERVED, why);
	}
	return err;
}

/* UEFI 2.10 table 7.10: what each type is after ExitBootServices(). */
static enum memmap_type mbi_efi_type(u32 type)
{
	switch (type) {
	case MB2_EFI_LOADER_CODE:
	case MB2_EFI_LOADER_DATA:
	case MB2_EFI_BOOT_SERVICES_CODE:
	case MB2_EFI_BOOT_SERVICES_DATA:
	case MB2_EFI_CONVENTIONAL:
		return MEMMAP_RAM;
	case MB2_EFI_UNUSABLE:
		return MEMMAP_BAD;
	case MB2_EFI_ACPI_RECLAIM:
		return MEMMAP_ACPI;
	case MB2_EFI_ACPI_NVS:
		return MEMMAP_NVS;
	default:
		return MEMMAP_RESERVED;
	}
}

static int mbi_efi_memory_map(const struct mb2_tag *tag, struct boot_info *info, const char **why)
{
	const struct mb2_tag_efi_memory_map *t = (const void *)tag;
	size_t room = tag->size - sizeof(*t);
	int err = 0;

	if (t->entry_size < sizeof(struct mb2_efi_memory) || t->entry_size % 8) {
		*why = "boot loader: EFI memory map with a wrong entry size";
		return -EINVAL;
	}
	for (size_t at = 0; room - at >= t->entry_size && !err; at += t->entry_size) {
		const struct mb2_efi_memory *m = (const void *)(t->entries + at);
		u64 pages = MIN(m->pages, UINT64_MAX >> PAGE_SHIFT);

		err = mbi_add_memory(
			info, m->physical, pages << PAGE_SHIFT, mbi_efi_type(m->type), why);
	}
	return err;
}

static bool mbi_colour_fits(struct boot_colour c, u8 bpp)
{
	return c.size >= 1 && c.size <= 8 && c.position + c.size <= bpp;
}

static bool mbi_rgb_usable(const struct boot_framebuffer *fb)
{
	bool depth = fb->bpp == 15 || fb->bpp == 16 || fb->bpp == 24 || fb->bpp == 32;

	return depth && fb->pitch >= fb->width * ((fb->bpp + 7u) / 8) &&
	       mbi_colour_fits(fb->red, fb->bpp) && mbi_colour_fits(fb->green, fb->bpp) &&
	       mbi_colour_fits(fb->blue, fb->bpp);
}

static bool mbi_screen_fits(const struct boot_framebuffer *fb)
{
	u64 bytes = (u64)fb->pitch * fb->height;

	return fb->addr && fb->width && fb->width <= SCREEN_MAX && fb->height &&
	       fb->height <= SCREEN_MAX && bytes <= UINT64_MAX - fb->addr;
}

/* A screen is a convenience: one that makes no sense is noted, and no reason not to boot. */
static int mbi_framebuffer(const struct mb2_tag *tag, struct boot_info *info, const char **why)
{
	const struct mb2_tag_framebuffer *t = (const void *)tag;
	const struct mb2_framebuffer_rgb *rgb = (const void *)(t + 1);
	struct boot_framebuffer *fb = &info->framebuffer;
	bool has_rgb = t->type == MB2_FRAMEBUFFER_RGB && tag->size >= sizeof(*t) + sizeof(*rgb);

	(void)why;
	*fb = (struct boot_framebuffer){ .type = BOOT_FB_UNUSABLE,
		.addr = t->addr,
		.pitch = t->pitch,
		.width = t->width,
		.height = t->height,
		.bpp = t->bpp };
	if (!mbi_screen_fits(fb))
		return 0;
	if (has_rgb) {
		fb->red = (struct boot_colour){ rgb->red_position, rgb->red_size };
		fb->green = (struct boot_colour){ rgb->green_position, rgb->green_size };
		fb->blue = (struct boot_colour){ rgb->blue_position, rgb->blue_size };
		if (mbi_rgb_usable(fb))
			fb->type = BOOT_FB_RGB;
	} else if (t->type == MB2_FRAMEBUFFER_EGA_TEXT && fb->pitch >= fb->width * 2) {
		fb->type = BOOT_FB_TEXT;
	}
	return 0;
}

/* Section header @index of a tag whose count and entry size were checked. */
static struct mb2_elf64_section mbi_section(const struct mb2_tag_elf_sections *t, u32 index)
{
	struct mb2_elf64_section s;

	memcpy(&s, t->entries + (size_t)index * t->entry_size, sizeof(s));
	return s;
}

static bool mbi_section_loaded(const struct mb2_elf64_section *s)
{
	return s->addr && s->size && s->addr < 4 * GIB && s->size <= 4 * GIB - s->addr;
}

/* Symbols make backtraces readable; without them we boot all the same. */
static void mbi_symbols(const struct mb2_tag_elf_sections *t, struct elf_symtab *out)
{
	for (u32 i = 0; i < t->count; i++) {
		struct mb2_elf64_section sym = mbi_section(t, i), str;

		if (sym.type != MB2_SECTION_SYMTAB || sym.entsize != ELF64_SYMBOL_SIZE ||
			sym.link >= t->count)
			continue;
		str = mbi_section(t, sym.link);
		if (str.type != MB2_SECTION_STRTAB || !mbi_section_loaded(&sym) ||
			!mbi_section_loaded(&str))
			continue;
		*out = (struct elf_symtab){ .symbols = (const u8 *)(uintptr_t)sym.addr,
			.symbols_size = sym.size,
			.strings = (const char *)(uintptr_t)str.addr,
			.strings_size = str.size };
		return;
	}
}

static int mbi_elf_sections(const struct mb2_tag *tag, struct boot_info *info, const char **why)
{
	const struct mb2_tag_elf_sections *t = (const void *)tag;

	if (t->count && (t->entry_size < sizeof(struct mb2_elf64_section) ||
				t->count > (tag->size - sizeof(*t)) / t->entry_size)) {
		*why = "boot loader: section headers beyond their tag";
		return -EINVAL;
	}
	mbi_symbols(t, &info->symbols);
	return 0;
}

static int mbi_rsdp(const struct mb2_tag *tag, struct boot_info *info, const char **why)
{
	const struct mb2_tag_rsdp *t = (const void *)tag;
	u32 size = tag->type == MB2_TAG_RSDP_V2 ? MB2_RSDP_V2_SIZE : MB2_RSDP_V1_SIZE;

	(void)why;
	if (size < info->rsdp_size)
		return 0;
	info->rsdp_size = size;
	memcpy(info->rsdp, t->rsdp, size);
	return 0;
}

static int mbi_load_base(const struct mb2_tag *tag, struct boot_info *info, const char **why)
{
	const struct mb2_tag_load_base *t = (const void *)tag;

	(void)why;
	info->has_load_base = true;
	info->load_base = t->addr;
	return 0;
}

struct mbi_rule {
	u32 type;
	u32 min_size; /* of the tag, its header included */
	int (*parse)(const struct mb2_tag *tag, struct boot_info *info, const char **why);
};

static const struct mbi_rule mbi_rules[] = {
	{ MB2_TAG_CMDLINE, sizeof(struct mb2_tag_string), mbi_cmdline },
	{ MB2_TAG_MODULE, sizeof(struct mb2_tag_module), mbi_module },
	{ MB2_TAG_MEMORY_MAP, sizeof(struct mb2_tag_memory_map), mbi_memory_map },
	{ MB2_TAG_FRAMEBUFFER, sizeof(struct mb2_tag_framebuffer), mbi_framebuffer },
	{ MB2_TAG_ELF_SECTIONS, sizeof(struct mb2_tag_elf_sections), mbi_elf_sections },
	{ MB2_TAG_RSDP_V1, sizeof(struct mb2_tag) + MB2_RSDP_V1_SIZE, mbi_rsdp },
	{ MB2_TAG_RSDP_V2, sizeof(struct mb2_tag) + MB2_RSDP_V2_SIZE, mbi_rsdp },
	{ MB2_TAG_LOAD_BASE, sizeof(struct mb2_tag_load_base), mbi_load_base },
};

/* Used only when tag 6 gave no map: that one says more than EFI's own does. */
static const struct mbi_rule mbi_efi_rules[] = {
	{ MB2_TAG_EFI_MEMORY_MAP, sizeof(struct mb2_tag_efi_memory_map), mbi_efi_memory_map },
};

static int mbi_apply(const struct mb2_tag *tag, const struct mbi_rule *rules, size_t count,
	struct boot_info *info, const char **why)
{
	for (size_t i = 0; i < count; i++) {
		if (rules[i].type != tag->type)
			continue;
		if (tag->size < rules[i].min_size) {
			*why = "boot loader: tag too short for its type";
			return -EINVAL;
		}
		return rules[i].parse(tag, info, why);
	}
	return 0;
}

/* Walks all tags; without an end tag, the end of the structure ends them. */
static int mbi_walk(const u8 *mbi, size_t size, const struct mbi_rule *rules, size_t count,
	struct boot_info *info, const char **why)
{
	size_t at = sizeof(struct mb2_info);
	int err = 0;

	while (size - at >= sizeof(struct mb2_tag) && !err) {
		const struct mb2_tag *tag = (const void *)(mbi + at);
		size_t room = size - at;

		if (tag->type == MB2_TAG_END)
			break;
		if (tag->size < sizeof(*tag) || tag->size > room) {
			*why = "boot loader: tag beyond the end of the information";
			return -EINVAL;
		}
		err = mbi_apply(tag, rules, count, info, why);
		at += MIN(ALIGN_UP(tag->size, MB2_TAG_ALIGN), room);
	}
	return err;
}

int mbi_parse(const void *mbi, size_t limit, struct boot_info *info, const char **why)
{
	const struct mb2_info *header = mbi;
	int err;

	memset(info, 0, sizeof(*info));
	if (!IS_ALIGNED((uintptr_t)mbi, MB2_TAG_ALIGN) || limit < sizeof(*header) ||
		header->total_size < sizeof(*header) || header->total_size > limit) {
		*why = "boot loader: information misplaced or with a wrong size";
		return -EINVAL;
	}
	err = mbi_walk(mbi, header->total_size, mbi_rules, ARRAY_SIZE(mbi_rules), info, why);
	if (!err && !info->memory.count)
		err = mbi_walk(mbi, header->total_size, mbi_efi_rules, ARRAY_SIZE(mbi_efi_rules),
			info, why);
	if (!err && !info->memory.count) {
		*why = "boot loader: no memory map";
		err = -ENOENT;
	}
	return err;
}
