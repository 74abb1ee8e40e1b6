/* SPDX-License-Identifier: MIT */
/*
 * Made-up physical memory for the ACPI readers: an array that starts at
 * MEMORY_BASE. Each mapping is a heap block of exactly the asked length, at an
 * odd address, so that a byte too far, or a demand for alignment, is seen.
 */
#pragma once

#include <stdlib.h>
#include <string.h>

#include "lib/acpi.h"

#define MEMORY_BASE 0x400u
#define MEMORY_SIZE 0x100000u
#define MEMORY_MAPS 4096u

struct memory {
	u8 bytes[MEMORY_SIZE];
	u64 end; /* first address that cannot be read */
	void *map[MEMORY_MAPS];
	u32 maps;
};

static struct memory memory;

static inline void memory_clear(void)
{
	for (u32 i = 0; i < memory.maps; i++)
		free(memory.map[i]);
	memset(&memory, 0, sizeof(memory));
	memory.end = MEMORY_BASE + MEMORY_SIZE;
}

static inline u8 *memory_at(u64 phys)
{
	return memory.bytes + (phys - MEMORY_BASE);
}

static inline const void *memory_map(void *ctx, u64 phys, u64 len)
{
	u8 *block;

	(void)ctx;
	if (len == 0 || phys + len < phys)
		abort();
	if (phys < MEMORY_BASE || phys + len > memory.end || memory.maps == MEMORY_MAPS)
		return NULL;
	block = malloc(len + 1);
	memory.map[memory.maps++] = block;
	memcpy(block + 1, memory_at(phys), len);
	return block + 1;
}

static const struct acpi_access memory_access = { .map = memory_map };

static inline u8 memory_sum(const void *data, size_t len)
{
	u8 sum = 0;

	for (size_t i = 0; i < len; i++)
		sum = (u8)(sum + ((const u8 *)data)[i]);
	return sum;
}

/* Makes the bytes add up to 0 by the one at @at. */
static inline void memory_seal(u8 *data, size_t len, size_t at)
{
	data[at] = (u8)(data[at] - memory_sum(data, len));
}
