/* SPDX-License-Identifier: MIT */
/*
 * The child's kernel file, read piece by piece through a window, for those
 * who recognise and take apart its headers. What is read is hostile.
 */
#pragma once

#include "base/types.h"
#include "lib/elf.h"

/* Starts at the beginning of the file, of @size bytes. */
void kernel_file_open(u64 size);
u64 kernel_file_size(void);
/* False unless all @len bytes at @offset are there and can be read. */
[[nodiscard]] bool kernel_file_read(u64 offset, void *to, size_t len);
/* The file for lib/elf.h. */
struct elf_source kernel_file_source(void);
