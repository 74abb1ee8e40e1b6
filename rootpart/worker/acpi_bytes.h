/* SPDX-License-Identifier: MIT */
/*
 * Bytes that grow into ACPI tables, and the definition block's among them.
 */
#pragma once

#include "base/assert.h"
#include "base/types.h"
#include "lib/string.h"
#include "rootpart/worker/acpi_tables.h"

struct bytes {
	u8 *at;
	u32 room;
	u32 size; /* so far */
};

static inline void put(struct bytes *b, const void *from, u32 count)
{
	assert(count <= b->room - b->size);
	memcpy(b->at + b->size, from, count);
	b->size += count;
}

static inline void put_byte(struct bytes *b, u8 v)
{
	put(b, &v, sizeof(v));
}

static inline void put_u16(struct bytes *b, u16 v)
{
	put(b, &v, sizeof(v));
}

static inline void put_u32(struct bytes *b, u32 v)
{
	put(b, &v, sizeof(v));
}

static inline void put_u64(struct bytes *b, u64 v)
{
	put(b, &v, sizeof(v));
}

/* The definition block without the table's header. */
void acpi_aml_put(struct bytes *b, const struct acpi_machine *m);
