/* SPDX-License-Identifier: MIT */
/*
 * Parser of the multiboot2 information structure. It reads nothing outside
 * of that structure and keeps no pointer into it.
 */
#pragma once

#include "base/types.h"
#include "boot/boot_info.h"

/*
 * Reads the structure at @mbi, of which @limit bytes may be touched, into
 * *info. Returns 0, or with *why set to a constant phrase for people:
 *   -EINVAL  a tag is damaged: misaligned, cut short, inconsistent
 *   -E2BIG   more modules, map pieces or text than struct boot_info holds
 *   -ENOENT  there is no memory map
 * After an error *info holds what came before it (the framebuffer perhaps, to
 * say so on), is safe to read, and its memory map is not complete.
 */
[[nodiscard]] int mbi_parse(
	const void *mbi, size_t limit, struct boot_info *info, const char **why);
