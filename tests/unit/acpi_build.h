/* SPDX-License-Identifier: MIT */
/*
 * Builder of ACPI tables in the made-up memory, from plain numbers. A test
 * opens a table, puts bytes, and closes it; build_open() then makes the
 * XSDT (or RSDT) and the RSDP, and opens them as a boot would.
 */
#pragma once

#include "tests/unit/acpi_memory.h"

#define BUILD_TABLES 600u
#define BUILD_RSDP   0xF5A10u
#define BUILD_ROOT   0x80000u
#define BUILD_FIRST  0x1003u /* not aligned, as real ones sometimes are */

struct build {
	u64 next;
	u64 start; /* of the table being built */
	u64 list[BUILD_TABLES];
	u32 count;
	bool rsdt; /* old list of 32-bit addresses */
};

static struct build build;

static inline void build_clear(void)
{
	memory_clear();
	memset(&build, 0, sizeof(build));
	build.next = BUILD_FIRST;
}

static inline void build_put(const void *data, size_t len)
{
	memcpy(memory_at(build.next), data, len);
	build.next += len;
}

static inline void build_bytes(u64 value, size_t len)
{
	build_put(&value, len);
}

static inline void build_pad(size_t len)
{
	build.next += len;
}

static inline void build_seal(u64 phys)
{
	u32 len;

	memcpy(&len, memory_at(phys + 4), 4);
	memory_seal(memory_at(phys), len, 9);
}

static inline void build_begin(const char *signature)
{
	build.start = build.next;
	build_put(signature, 4);
	build_pad(4); /* length */
	build_bytes(1, 1);
	build_pad(1); /* checksum */
	build_put("OEMID OEMTABLE", 14);
	build_pad(12);
}

/* Ends a table that is on no list; returns its address. */
static inline u64 build_end(void)
{
	u32 len = (u32)(build.next - build.start);

	memcpy(memory_at(build.start + 4), &len, 4);
	build_seal(build.start);
	build.next += 5;
	return build.start;
}

static inline u64 build_end_listed(void)
{
	build.list[build.count++] = build_end();
	return build.start;
}

static inline void build_root(void)
{
	u64 end = build.next;

	build.next = BUILD_ROOT;
	build_begin(build.rsdt ? "RSDT" : "XSDT");
	for (u32 i = 0; i < build.count; i++)
		build_bytes(build.list[i], build.rsdt ? 4 : 8);
	build_end();
	build.next = end;
}

static inline void build_rsdp(void)
{
	u8 *p = memory_at(BUILD_RSDP);
	u32 root = BUILD_ROOT, length = 36;

	memcpy(p, "RSD PTR ", 8);
	memcpy(p + 9, "OEMID ", 6);
	p[15] = build.rsdt ? 0 : 2;
	if (build.rsdt) {
		memcpy(p + 16, &root, 4);
	} else {
		memcpy(p + 20, &length, 4);
		memcpy(p + 24, &root, 4);
	}
	memory_seal(p, 20, 8);
	if (!build.rsdt)
		memory_seal(p, 36, 32);
}

static inline int build_open(struct acpi *acpi, const char **why)
{
	build_root();
	build_rsdp();
	return acpi_open(acpi, &memory_access, memory_at(BUILD_RSDP), build.rsdt ? 20 : 36, why);
}
