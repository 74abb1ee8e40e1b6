/* SPDX-License-Identifier: MIT */
/*
 * The search for \_S5_ on any AML: it stays inside, and a hit is one that the
 * bytes before its values justify.
 * sources: lib/acpi.c lib/acpi_s5.c
 */
#include <stdlib.h>
#include <string.h>

#include "base/errno.h"
#include "lib/acpi.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
	if (!ok)
		abort();
}

/* The name, followed by a package, is somewhere. */
static bool has_name(const u8 *data, size_t size)
{
	for (size_t i = 0; i + 5 <= size; i++) {
		if (!memcmp(data + i, "_S5_\x12", 5))
			return true;
	}
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct acpi_s5 s5;
	u8 *copy = malloc(size ? size : 1);
	int err;

	memcpy(copy, data, size);
	err = acpi_s5_scan(copy, size, &s5);
	require(err == 0 || err == -ENOENT);
	require(s5.slp_typ_a <= 7 && s5.slp_typ_b <= 7);
	require(err || has_name(copy, size));
	free(copy);
	return 0;
}
