/* SPDX-License-Identifier: MIT */
/*
 * Made-up kernels for tests of the worker's loaders: an ELF file of 32 or 64
 * bits, put together field by field, and what load_child() makes of it.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/errno.h"
#include "boot/pvh.h"
#include "fake_worker.h"
#include "rootpart/worker/load.h"
#include "rootpart/worker/machine.h"
#include "rootpart/worker/memory.h"

#define KERNEL_SIZE 0x4000u
#define CODE_AT     0x1000u
#define NOTE_AT     0x400u

static u8 kernel[KERNEL_SIZE] __aligned(4);

static inline void put(u32 at, u32 bytes, u64 value)
{
	memcpy(kernel + at, &value, bytes);
}

/* Program header @i of the 64-bit kernel. */
#define PHDR(i) (64u + 56u * (i))
static inline void put_phdr(u32 i, u32 type, u64 offset, u64 paddr, u64 filesz, u64 memsz)
{
	const u64 words[] = { type | 5ull << 32, offset, paddr + 0xffffffff80000000ull, paddr,
		filesz, memsz, 4 };

	memcpy(kernel + PHDR(i), words, sizeof(words));
}

/* Code at 1 MiB, data behind it with 64 KiB of zeros, and a PVH note. */
static inline void kernel_64(void)
{
	memset(kernel, 0, sizeof(kernel));
	memcpy(kernel, "\177ELF\2\1\1", 7);
	put(16, 2, 2);
	put(18, 2, 62);
	put(20, 4, 1);
	put(24, 8, 0xffffffff80100020);
	put(32, 8, 64);
	put(54, 2, 56);
	put(56, 2, 3);
	put_phdr(0, 1, CODE_AT, 0x100000, 0x1000, 0x1000);
	put_phdr(1, 4, NOTE_AT, 0, 20, 20);
	put_phdr(2, 1, CODE_AT + 0x1000, 0x101000, 0x800, 0x10000);
	put(NOTE_AT, 8, 4 | 4ull << 32);
	put(NOTE_AT + 8, 4, 18);
	memcpy(kernel + NOTE_AT + 12, "Xen", 4);
	put(NOTE_AT + 16, 4, 0x100010);
	for (u32 i = CODE_AT; i < KERNEL_SIZE; i++)
		kernel[i] = (u8)(i >> 2 ^ i);
	fake_file(WORKER_FILE_KERNEL, kernel, sizeof(kernel));
}

/* The same as 32 bits; header @at is not there, its entry is physical. */
static inline void kernel_32(void)
{
	const u32 phdrs[2][8] = {
		{ 1, CODE_AT, 0xc0100000, 0x100000, 0x1000, 0x1000, 5, 4 },
		{ 1, CODE_AT + 0x1000, 0xc0101000, 0x101000, 0x800, 0x10000, 6, 4 },
	};

	kernel_64();
	memset(kernel, 0, CODE_AT);
	memcpy(kernel, "\177ELF\1\1\1", 7);
	put(16, 2, 2);
	put(18, 2, 3);
	put(20, 4, 1);
	put(24, 4, 0xc0100030);
	put(28, 4, 52);
	put(42, 2, 32);
	put(44, 2, 2);
	memcpy(kernel + 52, phdrs, sizeof(phdrs));
}

static inline int kernel_setup(void **state)
{
	static u64 tests;

	(void)state;
	fake_reset();
	fake.time = ++tests * 1000000000000ull;
	fake_region(0, 0x1000000, WORKER_REGION_RAM);
	fake_region(0x1000000, 0x2000, WORKER_REGION_ROM);
	fake_region(4 * GIB, 0x200000, WORKER_REGION_RAM);
	strcpy(fake.start.cmdline, "console=ttyS0 a=b");
	/* Memory that was not zero. */
	memset(fake_memory(0x100000), 0xcc, 0x20000);
	machine_init();
	return memory_init() ? 0 : -1;
}

static inline void kernel_load(void)
{
	if (fake_run(load_child) != FAKE_RETURNED)
		fail_msg("%s", fake.end_text);
}

static inline void kernel_refused(const char *why)
{
	assert_int_equal(fake_run(load_child), FAKE_ENDED);
	assert_int_equal(fake.end, WORKER_END_FAILED);
	assert_string_equal(fake.end_text, why);
}

/* Numbers in a kernel's headers, each wrong by itself, and why it is refused then. */
struct kernel_damage {
	u32 at;
	u32 bytes;
	u64 value;
	const char *why;
};

static inline void damage_refused(
	void (*kernel_make)(void), const struct kernel_damage *damages, u32 count)
{
	for (u32 i = 0; i < count; i++) {
		(void)kernel_setup(NULL);
		kernel_make();
		put(damages[i].at, damages[i].bytes, damages[i].value);
		kernel_refused(damages[i].why);
	}
}

static inline u64 entry_register(u32 name)
{
	union hv_register_value v = { .u64 = 0 };

	assert_true(fake_was_set(0, name, &v));
	return v.u64;
}

static inline void entry_segment(u32 name, u16 selector, u16 attributes)
{
	union hv_register_value v;

	assert_true(fake_was_set(0, name, &v));
	assert_int_equal(v.segment.base, 0);
	assert_int_equal(v.segment.limit, 0xffffffff);
	assert_int_equal(v.segment.selector, selector);
	assert_int_equal(v.segment.attributes, attributes);
}

/* What both boot protocols demand. */
static inline void entry_is_flat_32(u32 rip, u32 rax, u32 rbx)
{
	static const u32 zero[] = { HV_X64_REGISTER_CR2, HV_X64_REGISTER_CR3, HV_X64_REGISTER_CR4,
		HV_X64_REGISTER_EFER, HV_X64_REGISTER_RAX + 1, HV_X64_REGISTER_RAX + 2,
		HV_X64_REGISTER_RAX + 4, HV_X64_REGISTER_R15, HV_X64_REGISTER_IDTR };
	union hv_register_value v;

	for (u32 i = 0; i < ARRAY_SIZE(zero); i++)
		assert_int_equal(entry_register(zero[i]), 0);
	assert_int_equal(entry_register(HV_X64_REGISTER_CR0) & 0x80000001, 1);
	assert_int_equal(entry_register(HV_X64_REGISTER_RFLAGS), 2);
	assert_int_equal(entry_register(HV_X64_REGISTER_RIP), rip);
	assert_int_equal(entry_register(HV_X64_REGISTER_RAX), rax);
	assert_int_equal(entry_register(HV_X64_REGISTER_RAX + 3), rbx);
	entry_segment(HV_X64_REGISTER_CS, 0x08, 0xc09b);
	for (u32 name = HV_X64_REGISTER_ES; name <= HV_X64_REGISTER_GS; name++)
		if (name != HV_X64_REGISTER_CS)
			entry_segment(name, 0x10, 0xc093);
	assert_true(fake_was_set(0, HV_X64_REGISTER_TR, &v));
	assert_int_equal(v.segment.attributes & 0x9f, 0x8b);
	assert_true(fake_was_set(0, HV_X64_REGISTER_GDTR, &v));
	assert_int_equal(v.table.limit, 31);
	assert_memory_equal(fake_memory(v.table.base),
		"\0\0\0\0\0\0\0\0"
		"\xff\xff\0\0\0\x9b\xcf\0"
		"\xff\xff\0\0\0\x93\xcf\0",
		24);
	assert_int_equal(fake.calls[WORKER_SET_REGISTERS], 1);
}

/* The two segments are where they belong, cleared behind their ends. */
static inline void segments_are_loaded(void)
{
	assert_memory_equal(fake_memory(0x100000), kernel + CODE_AT, 0x1800);
	for (u32 i = 0x1800; i < 0x11000; i++)
		assert_int_equal(*fake_memory(0x100000 + i), 0);
	assert_int_equal(*fake_memory(0x111000), 0xcc);
	assert_true(fake_dirty(0x100000) && fake_dirty(0x101000) && fake_dirty(0x110000));
	assert_false(fake_dirty(0x111000));
}
