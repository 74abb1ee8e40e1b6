/* SPDX-License-Identifier: MIT */
/*
 * Loads a program's ELF file into an address space, with its stack.
 */
#pragma once

#include "base/types.h"
#include "rootpart/address_space.h"

/*
 * Maps copies of the segments, and a stack, as owned pages. 0 with *@entry set;
 * -EINVAL the file is no good; -ENOMEM; then *@why is a phrase for people, and
 * what was mapped already stays until the space goes.
 */
[[nodiscard]] int process_image_load(
	struct address_space *as, const void *file, size_t size, u64 *entry, const char **why);
