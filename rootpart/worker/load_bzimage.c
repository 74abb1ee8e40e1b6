/* SPDX-License-Identifier: MIT */
/*
 * Linux's own format, which is only recognised, so that its error names it.
 * Linux "The Linux/x86 Boot Protocol".
 */
#include "lib/string.h"
#include "rootpart/worker/kernel_file.h"
#include "rootpart/worker/load.h"
#include "rootpart/worker/report.h"

#define SIGNATURE_AT 0x1feu
#define MAGIC_AT     0x202u

static bool recognises(void)
{
	u16 signature;
	char magic[4];

	return kernel_file_read(SIGNATURE_AT, &signature, sizeof(signature)) &&
	       kernel_file_read(MAGIC_AT, magic, sizeof(magic)) && signature == 0xaa55 &&
	       memcmp(magic, "HdrS", sizeof(magic)) == 0;
}

static void load(void)
{
	report_failure("KERNEL: a Linux bzImage; multiboot1 and PVH ELF kernels can be loaded");
}

const struct loader load_bzimage = { recognises, load };
