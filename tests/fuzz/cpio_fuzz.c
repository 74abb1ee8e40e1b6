/* SPDX-License-Identifier: MIT */
/*
 * Walks any bytes as a cpio archive and touches everything it is given.
 * sources: lib/cpio.c
 */
#include <string.h>

#include "lib/cpio.h"

/* Reading must happen, whatever the compiler thinks of it. */
static volatile u64 sink;

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct cpio_entry entry;
	size_t offset = 0;
	size_t before = 0;

	while (cpio_next(data, size, &offset, &entry) == 1) {
		if (offset <= before || offset > size)
			__builtin_trap();
		before = offset;
		sink += strlen(entry.name);
		for (u64 i = 0; i < entry.size; i++)
			sink += entry.data[i];
	}
	return 0;
}
