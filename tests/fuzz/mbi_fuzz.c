/* SPDX-License-Identifier: MIT */
/*
 * The multiboot2 parser on any bytes: an exact heap copy, so that one byte too
 * far is seen, and the promises of struct boot_info checked afterwards.
 * sources: boot/mbi.c boot/memmap.c
 */
#include <stdlib.h>
#include <string.h>

#include "boot/mbi.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
	if (!ok)
		abort();
}

static void check_map(const struct memmap *map)
{
	require(map->count <= MEMMAP_MAX);
	for (u32 i = 0; i < map->count; i++) {
		require(map->range[i].start < map->range[i].end);
		require(i == 0 || map->range[i - 1].end <= map->range[i].start);
	}
}

static void check_info(const struct boot_info *info)
{
	const struct boot_framebuffer *fb = &info->framebuffer;

	require(memchr(info->cmdline, 0, sizeof(info->cmdline)));
	require(info->module_count <= BOOT_MODULES_MAX);
	for (u32 i = 0; i < info->module_count; i++) {
		require(info->modules[i].start <= info->modules[i].end);
		require(memchr(info->modules[i].text, 0, BOOT_MODULE_TEXT_SIZE));
	}
	if (fb->type == BOOT_FB_RGB || fb->type == BOOT_FB_TEXT) {
		require(fb->width >= 1 && fb->width <= 16384 && fb->height <= 16384);
		require(fb->pitch >= fb->width * ((fb->bpp + 7u) / 8) || fb->type == BOOT_FB_TEXT);
	}
	require(info->rsdp_size == 0 || info->rsdp_size == 20 || info->rsdp_size == 36);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct boot_info info;
	const char *why = NULL;
	u8 *copy = malloc(size ? size : 1);
	int err;

	memcpy(copy, data, size);
	err = mbi_parse(copy, size, &info, &why);
	require((err == 0) == (why == NULL));
	check_info(&info);
	check_map(&info.memory);
	free(copy);
	return 0;
}
