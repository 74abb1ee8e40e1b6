/* SPDX-License-Identifier: MIT */
/*
 * The multiboot2 parser against structures built here by hand, tag by tag,
 * from numbers rather than from the header's structs, so that both are tested.
 * sources: boot/mbi.c boot/memmap.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/errno.h"
#include "boot/mbi.h"

static _Alignas(8) u8 buf[65536];
static size_t used;
static struct boot_info info;
static const char *why;

static void put(const void *data, size_t len)
{
	memcpy(buf + used, data, len);
	used += len;
}

static void put32(u32 v)
{
	put(&v, 4);
}

static void put64(u64 v)
{
	put(&v, 8);
}

/* Starts the structure: total size (set by finish), reserved. */
static int setup(void **state)
{
	(void)state;
	memset(buf, 0, sizeof(buf));
	memset(&info, 0xA5, sizeof(info));
	used = 8;
	why = NULL;
	return 0;
}

static size_t tag_open(u32 type)
{
	size_t at = used;

	put32(type);
	put32(0);
	return at;
}

static void tag_close(size_t at)
{
	u32 size = (u32)(used - at);

	memcpy(buf + at + 4, &size, 4);
	used = (used + 7) & ~(size_t)7;
}

static void tag_text(u32 type, const char *text)
{
	size_t at = tag_open(type);

	put(text, strlen(text) + 1);
	tag_close(at);
}

static void tag_module(u32 start, u32 end, const char *text)
{
	size_t at = tag_open(3);

	put32(start);
	put32(end);
	put(text, strlen(text) + 1);
	tag_close(at);
}

static void put_memory(u64 base, u64 length, u32 type)
{
	put64(base);
	put64(length);
	put32(type);
	put32(0);
}

static void tag_memory(void)
{
	size_t at = tag_open(6);

	put32(24);
	put32(0);
	put_memory(0, 0x9FC00, 1);
	put_memory(0x9FC00, 0x400, 2);
	put_memory(0xF0000, 0x10000, 2);
	put_memory(0x100000, 0x1FEE0000, 1);
	put_memory(0x1FFE0000, 0x20000, 3);
	put_memory(0xFD00000000, 0x300000000, 12);
	tag_close(at);
}

static void total(void)
{
	u32 size = (u32)used;

	memcpy(buf, &size, 4);
}

static int parse(void)
{
	put32(0);
	put32(8);
	total();
	return mbi_parse(buf, sizeof(buf), &info, &why);
}

static void expect_range(u32 i, u64 start, u64 end, enum memmap_type type)
{
	assert_true(i < info.memory.count);
	assert_int_equal(info.memory.range[i].start, start);
	assert_int_equal(info.memory.range[i].end, end);
	assert_int_equal(info.memory.range[i].type, type);
}

static void expect_error(int err, const char *text)
{
	assert_int_equal(parse(), err);
	assert_non_null(why);
	assert_non_null(strstr(why, text));
}

static void test_texts_and_memory(void **state)
{
	(void)state;
	tag_text(1, "console=com1 loglevel=3");
	tag_text(2, "GRUB 2.06");
	tag_module(0x200000, 0x280001, "rootpart.elf");
	tag_module(0x300000, 0x300000, "");
	tag_memory();
	assert_int_equal(parse(), 0);
	assert_string_equal(info.cmdline, "console=com1 loglevel=3");
	assert_int_equal(info.module_count, 2);
	assert_int_equal(info.modules[0].start, 0x200000);
	assert_int_equal(info.modules[0].end, 0x280001);
	assert_string_equal(info.modules[0].text, "rootpart.elf");
	assert_string_equal(info.modules[1].text, "");
	assert_int_equal(info.memory.count, 6);
	expect_range(0, 0, 0x9FC00, MEMMAP_RAM);
	expect_range(1, 0x9FC00, 0xA0000, MEMMAP_RESERVED);
	expect_range(4, 0x1FFE0000, 0x20000000, MEMMAP_ACPI);
	expect_range(5, 0xFD00000000, 0x10000000000, MEMMAP_RESERVED);
	assert_int_equal(info.framebuffer.type, BOOT_FB_NONE);
	assert_int_equal(info.rsdp_size, 0);
	assert_int_equal(info.symbols.symbols_size, 0);
	assert_false(info.has_load_base);
}

static void test_large_entries_and_wrap(void **state)
{
	size_t at;

	(void)state;
	at = tag_open(6);
	put32(32);
	put32(0);
	put_memory(0x1000, 0x1000, 1);
	put64(~0ull);
	put_memory(0xFFFFFFFFFFFFF000, 0x2000, 1);
	put64(~0ull);
	put32(7); /* half an entry at the end is not one */
	tag_close(at);
	assert_int_equal(parse(), 0);
	assert_int_equal(info.memory.count, 2);
	expect_range(0, 0x1000, 0x2000, MEMMAP_RAM);
	expect_range(1, 0xFFFFFFFFFFFFF000, UINT64_MAX, MEMMAP_RAM);
}

static void put_efi(u32 type, u64 physical, u64 pages)
{
	put32(type);
	put32(0);
	put64(physical);
	put64(0);
	put64(pages);
	put64(0xF);
	put64(0); /* descriptors are longer than the struct */
}

static void tag_efi_memory(void)
{
	size_t at = tag_open(17);

	put32(48);
	put32(1);
	put_efi(7, 0, 0xA0);
	put_efi(4, 0x100000, 0x100);
	put_efi(2, 0x200000, 0x100);
	put_efi(9, 0x300000, 1);
	put_efi(10, 0x301000, 1);
	put_efi(6, 0x302000, 1);
	put_efi(8, 0x303000, 1);
	put_efi(7, 0x304000, ~0ull);
	tag_close(at);
}

static void test_efi_map(void **state)
{
	(void)state;
	tag_efi_memory();
	assert_int_equal(parse(), 0);
	assert_int_equal(info.memory.count, 7);
	expect_range(0, 0, 0xA0000, MEMMAP_RAM);
	expect_range(1, 0x100000, 0x300000, MEMMAP_RAM);
	expect_range(2, 0x300000, 0x301000, MEMMAP_ACPI);
	expect_range(3, 0x301000, 0x302000, MEMMAP_NVS);
	expect_range(4, 0x302000, 0x303000, MEMMAP_RESERVED);
	expect_range(5, 0x303000, 0x304000, MEMMAP_BAD);
	expect_range(6, 0x304000, UINT64_MAX, MEMMAP_RAM);
}

static void test_efi_map_only_without_other(void **state)
{
	(void)state;
	tag_efi_memory();
	tag_memory();
	assert_int_equal(parse(), 0);
	assert_int_equal(info.memory.count, 6);
}

static void tag_framebuffer(u64 addr, u32 pitch, u32 width, u32 height, u8 bpp, u8 type, bool rgb)
{
	static const u8 colours[] = { 16, 8, 8, 8, 0, 8 };
	size_t at = tag_open(8);

	put64(addr);
	put32(pitch);
	put32(width);
	put32(height);
	put(&bpp, 1);
	put(&type, 1);
	put("\0", 2);
	if (rgb)
		put(colours, sizeof(colours));
	tag_close(at);
}

static void test_framebuffer_rgb(void **state)
{
	(void)state;
	tag_framebuffer(0xFD000000, 4096, 1024, 768, 32, 1, true);
	tag_memory();
	assert_int_equal(parse(), 0);
	assert_int_equal(info.framebuffer.type, BOOT_FB_RGB);
	assert_int_equal(info.framebuffer.addr, 0xFD000000);
	assert_int_equal(info.framebuffer.pitch, 4096);
	assert_int_equal(info.framebuffer.width, 1024);
	assert_int_equal(info.framebuffer.height, 768);
	assert_int_equal(info.framebuffer.bpp, 32);
	assert_int_equal(info.framebuffer.red.position, 16);
	assert_int_equal(info.framebuffer.green.position, 8);
	assert_int_equal(info.framebuffer.blue.position, 0);
	assert_int_equal(info.framebuffer.blue.size, 8);
}

static void test_framebuffer_text(void **state)
{
	(void)state;
	tag_framebuffer(0xB8000, 160, 80, 25, 16, 2, false);
	tag_memory();
	assert_int_equal(parse(), 0);
	assert_int_equal(info.framebuffer.type, BOOT_FB_TEXT);
}

static void test_framebuffer_unusable(void **state)
{
	static const struct {
		u64 addr;
		u32 pitch, width, height;
		u8 bpp, type;
		bool rgb;
	} bad[] = {
		{ 0xFD000000, 4096, 1024, 768, 32, 1, false }, /* no colours */
		{ 0xFD000000, 4095, 1024, 768, 32, 1, true },  /* lines overlap */
		{ 0xFD000000, 4096, 1024, 768, 8, 0, true },   /* indexed */
		{ 0xFD000000, 4096, 1024, 768, 16, 1, true },  /* red outside of the pixel */
		{ 0xFD000000, 4096, 1024, 768, 33, 1, true },
		{ 0xFD000000, 4096, 0, 768, 32, 1, true },
		{ 0xFD000000, 4096, 1024, 0, 32, 1, true },
		{ 0xFD000000, ~0u, 0x40000001, 768, 32, 1, true },
		{ 0xFFFFFFFFFFFFF000, 4096, 1024, 768, 32, 1, true },
		{ 0, 4096, 1024, 768, 32, 1, true },
		{ 0xB8000, 159, 80, 25, 16, 2, false },
		{ 0xB8000, 160, 80, 25, 16, 3, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		setup(state);
		tag_framebuffer(bad[i].addr, bad[i].pitch, bad[i].width, bad[i].height, bad[i].bpp,
			bad[i].type, bad[i].rgb);
		tag_memory();
		assert_int_equal(parse(), 0);
		assert_int_equal(info.framebuffer.type, BOOT_FB_UNUSABLE);
	}
}

static void tag_rsdp(u32 type, size_t size, u8 fill)
{
	size_t at = tag_open(type);

	for (size_t i = 0; i < size; i++)
		put(&fill, 1);
	tag_close(at);
}

static void test_rsdp(void **state)
{
	(void)state;
	tag_rsdp(14, 20, 1);
	tag_memory();
	assert_int_equal(parse(), 0);
	assert_int_equal(info.rsdp_size, 20);
	assert_int_equal(info.rsdp[19], 1);

	setup(state);
	tag_rsdp(15, 36, 2);
	tag_rsdp(14, 20, 1);
	tag_memory();
	assert_int_equal(parse(), 0);
	assert_int_equal(info.rsdp_size, 36);
	assert_int_equal(info.rsdp[0], 2);
	assert_int_equal(info.rsdp[35], 2);

	setup(state);
	tag_rsdp(15, 35, 2);
	tag_memory();
	expect_error(-EINVAL, "too short");
}

static void put_section(u32 type, u64 addr, u64 size, u32 link, u64 entsize)
{
	put32(0);
	put32(type);
	put64(0);
	put64(addr);
	put64(0);
	put64(size);
	put32(link);
	put32(0);
	put64(8);
	put64(entsize);
}

static void tag_sections(u32 count, u32 link, u64 sym_addr, u64 entsize)
{
	size_t at = tag_open(9);

	put32(count);
	put32(64);
	put32(0);
	put_section(0, 0, 0, 0, 0);
	put_section(1, 0x100000, 0x1000, 0, 0);
	put_section(2, sym_addr, 240, link, entsize);
	put_section(3, 0x130000, 99, 0, 0);
	tag_close(at);
}

static void test_symbols(void **state)
{
	(void)state;
	tag_sections(4, 3, 0x120000, 24);
	tag_memory();
	assert_int_equal(parse(), 0);
	assert_ptr_equal(info.symbols.symbols, (void *)0x120000);
	assert_int_equal(info.symbols.symbols_size, 240);
	assert_ptr_equal(info.symbols.strings, (void *)0x130000);
	assert_int_equal(info.symbols.strings_size, 99);
}

static void test_symbols_left_out(void **state)
{
	static const struct {
		u32 link;
		u64 addr, entsize;
	} bad[] = {
		{ 4, 0x120000, 24 },           /* no such section */
		{ 1, 0x120000, 24 },           /* not a string table */
		{ 3, 0, 24 },                  /* not loaded */
		{ 3, 0xFFFFFF80, 24 },         /* across 4 GiB */
		{ 3, 0x120000, 16 },           /* symbols of 32 bits */
		{ 3, 0xFFFFFFFFFFFFFFF0, 24 }, /* wraps */
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		setup(state);
		tag_sections(4, bad[i].link, bad[i].addr, bad[i].entsize);
		tag_memory();
		assert_int_equal(parse(), 0);
		assert_int_equal(info.symbols.symbols_size, 0);
	}
}

static void test_sections_damaged(void **state)
{
	(void)state;
	tag_sections(5, 3, 0x120000, 24);
	tag_memory();
	expect_error(-EINVAL, "section headers");

	setup(state);
	tag_sections(0x4000001, 3, 0x120000, 24);
	tag_memory();
	expect_error(-EINVAL, "section headers");
}

static void test_load_base(void **state)
{
	size_t at;

	(void)state;
	at = tag_open(21);
	put32(0x7F000000);
	tag_close(at);
	tag_memory();
	assert_int_equal(parse(), 0);
	assert_true(info.has_load_base);
	assert_int_equal(info.load_base, 0x7F000000);
}

static void test_text_errors(void **state)
{
	char text[1100];
	size_t at;

	(void)state;
	memset(text, 'a', sizeof(text));
	text[1023] = 0;
	tag_text(1, text);
	tag_memory();
	assert_int_equal(parse(), 0);
	assert_int_equal(strlen(info.cmdline), 1023);

	setup(state);
	text[1023] = 'a';
	text[1024] = 0;
	tag_text(1, text);
	tag_memory();
	expect_error(-E2BIG, "too long");

	setup(state);
	text[64] = 0;
	tag_module(1, 2, text);
	tag_memory();
	expect_error(-E2BIG, "too long");

	setup(state);
	at = tag_open(1);
	put("abc", 3);
	tag_close(at);
	tag_memory();
	expect_error(-EINVAL, "without an end");

	setup(state);
	tag_close(tag_open(1)); /* not even a terminator */
	tag_memory();
	expect_error(-EINVAL, "without an end");
}

static void test_module_errors(void **state)
{
	(void)state;
	tag_module(0x2000, 0x1FFF, "x");
	expect_error(-EINVAL, "before it starts");

	setup(state);
	for (u32 i = 0; i < BOOT_MODULES_MAX + 1; i++)
		tag_module(i, i + 1, "m");
	expect_error(-E2BIG, "too many modules");
	assert_int_equal(info.module_count, BOOT_MODULES_MAX);
}

static void test_memory_errors(void **state)
{
	static const u32 sizes[] = { 0, 16, 23, 25, 28, ~0u };
	size_t at;

	expect_error(-ENOENT, "no memory map");

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		setup(state);
		at = tag_open(6);
		put32(sizes[i]);
		put32(0);
		put_memory(0, 0x1000, 1);
		tag_close(at);
		if (sizes[i] == ~0u)
			buf[at + 8] = 0xF8; /* a multiple of 8, and huge */
		expect_error(sizes[i] == ~0u ? -ENOENT : -EINVAL, "memory map");
	}

	setup(state);
	at = tag_open(6);
	put32(24);
	put32(0);
	for (u64 i = 0; i < MEMMAP_MAX + 1; i++)
		put_memory(i * 0x2000, 0x1000, 1);
	tag_close(at);
	expect_error(-E2BIG, "too many pieces");
}

static void test_frame_errors(void **state)
{
	u32 size;

	(void)state;
	assert_int_equal(mbi_parse(buf + 4, 100, &info, &why), -EINVAL);
	assert_int_equal(mbi_parse(buf, 7, &info, &why), -EINVAL);

	tag_memory();
	total();
	assert_int_equal(mbi_parse(buf, used - 1, &info, &why), -EINVAL);
	assert_int_equal(mbi_parse(buf, used, &info, &why), 0); /* no end tag: the size ends it */
	size = 7;
	memcpy(buf, &size, 4);
	assert_int_equal(mbi_parse(buf, sizeof(buf), &info, &why), -EINVAL);

	for (size = 0; size < 8; size++) {
		setup(state);
		put32(1);
		put32(size);
		expect_error(-EINVAL, "beyond the end");
	}
	setup(state);
	put32(99);
	put32(0xFFFFFFFF);
	expect_error(-EINVAL, "beyond the end");
}

/* What was read before the damage is there, the screen above all. */
static void test_screen_survives(void **state)
{
	(void)state;
	tag_framebuffer(0xFD000000, 4096, 1024, 768, 32, 1, true);
	tag_module(2, 1, "x");
	expect_error(-EINVAL, "before it starts");
	assert_int_equal(info.framebuffer.type, BOOT_FB_RGB);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_texts_and_memory, setup),
		cmocka_unit_test_setup(test_large_entries_and_wrap, setup),
		cmocka_unit_test_setup(test_efi_map, setup),
		cmocka_unit_test_setup(test_efi_map_only_without_other, setup),
		cmocka_unit_test_setup(test_framebuffer_rgb, setup),
		cmocka_unit_test_setup(test_framebuffer_text, setup),
		cmocka_unit_test(test_framebuffer_unusable),
		cmocka_unit_test_setup(test_rsdp, setup),
		cmocka_unit_test_setup(test_symbols, setup),
		cmocka_unit_test(test_symbols_left_out),
		cmocka_unit_test_setup(test_sections_damaged, setup),
		cmocka_unit_test_setup(test_load_base, setup),
		cmocka_unit_test_setup(test_text_errors, setup),
		cmocka_unit_test_setup(test_module_errors, setup),
		cmocka_unit_test_setup(test_memory_errors, setup),
		cmocka_unit_test_setup(test_frame_errors, setup),
		cmocka_unit_test_setup(test_screen_survives, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
