/* SPDX-License-Identifier: MIT */
/*
 * Reads an MP table whose bytes are the input, with good pointer, header and
 * checksum if the first byte is odd, so that the fuzzer need not guess sums.
 * sources: lib/mptable.c
 */
#include "tests/unit/acpi_memory.h"

#include "firmware/mptable.h"
#include "lib/mptable.h"

#define POINTER 0xf0000u
#define TABLE   0xf1000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put_pointer(void)
{
	struct mp_pointer p = { .signature = "_MP_", .table = TABLE, .length = 1, .revision = 4 };

	memcpy(memory_at(POINTER), &p, sizeof(p));
	memory_seal(memory_at(POINTER), sizeof(p), offsetof(struct mp_pointer, checksum));
}

static void put_table(const uint8_t *data, size_t size)
{
	struct mp_table t = { .signature = "PCMP", .revision = 4 };

	size = MIN(size, (size_t)0x8000);
	t.length = (u16)(sizeof(t) + size);
	memcpy(memory_at(TABLE), &t, sizeof(t));
	memcpy(memory_at(TABLE) + sizeof(t), data, size);
	memory_seal(memory_at(TABLE), t.length, offsetof(struct mp_table, checksum));
}

static void check(const struct mptable *t)
{
	if (t->count > MPTABLE_ROUTES_MAX)
		abort();
	for (u32 i = 0; i < t->count; i++) {
		const struct mptable_route *r = &t->routes[i];

		if (r->device > 31 || r->pin > 3 ||
			mptable_route(t, r->bus, r->device, r->pin) == NULL)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct mptable t;
	const char *why = NULL;
	int err;

	if (size == 0)
		return 0;
	memory_clear();
	if (data[0] & 1) {
		put_pointer();
		put_table(data + 1, size - 1);
	} else {
		memcpy(memory_at(POINTER), data + 1, MIN(size - 1, (size_t)0x8000));
	}
	err = mptable_read(&memory_access, &t, &why);
	if ((err == 0) != (why == NULL) || (err != 0 && t.count != 0))
		abort();
	check(&t);
	memory_clear();
	return 0;
}
