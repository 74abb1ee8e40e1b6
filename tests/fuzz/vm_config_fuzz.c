/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a vm.conf: what is refused names a line; what is taken is
 * within its limits, and is the same after it was written and read again.
 * sources: rootpart/vm/vm_config.c rootpart/vm/vm_keys.c rootpart/vm/vm_disk_text.c rootpart/path.c
 * sources: lib/format.c lib/string.c
 */
#include <stdlib.h>
#include <string.h>

#include "rootpart/vm/vm_config.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

/* Sizes of both texts: every character may be written as four. */
#define TEXT_MAX 16384u
#define WHY_MAX  64u

static void must(bool it)
{
	if (!it)
		__builtin_trap();
}

static bool parse(struct vm_config *c, const char *text, size_t len)
{
	char why[WHY_MAX] = "";

	vm_config_default(c, "fuzz");
	if (vm_config_parse(c, text, len, why, sizeof(why)) == 0)
		return true;
	must(strncmp(why, "line ", 5) == 0 && strnlen(why, sizeof(why)) < sizeof(why));
	return false;
}

static void check(const struct vm_config *c)
{
	must(strcmp(c->name, "fuzz") == 0);
	must(c->memory >= VM_MEMORY_MIN && c->memory <= VM_MEMORY_MAX);
	must(c->memory % VM_MEMORY_MIN == 0);
	must(c->cpus >= 1 && c->cpus <= VM_CPUS_MAX);
	must(c->cap <= 100 && c->reserve <= 100);
	must(c->kernel[0] == '\0' || c->kernel[0] == '/');
	for (u32 i = 0; i < VM_DISKS_MAX; i++)
		must(c->disks[i][0] == '\0' || c->disks[i][0] == '/');
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static struct vm_config first, second;
	static char text[TEXT_MAX];
	char *copy = malloc(size > 0 ? size : 1);
	int len;

	memcpy(copy, data, size);
	if (parse(&first, copy, size)) {
		check(&first);
		len = vm_config_format(&first, text, sizeof(text));
		must(len > 0 && parse(&second, text, (size_t)len));
		must(memcmp(&first, &second, sizeof(first)) == 0);
	}
	free(copy);
	return 0;
}
