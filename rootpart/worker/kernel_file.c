/* SPDX-License-Identifier: MIT */
/*
 * A window of the file's bytes: headers lie close together, and each filling
 * of the window is one system call.
 */
#include "rootpart/worker/kernel_file.h"

#include "lib/string.h"
#include "rootpart/worker/sys.h"

static u64 file_size;
static u64 window_start;
static u64 window_size;
static u8 window[WORKER_MAILBOX_SIZE];

void kernel_file_open(u64 size)
{
	file_size = size;
	window_size = 0;
}

u64 kernel_file_size(void)
{
	return file_size;
}

/* Makes the window hold the byte at @offset. */
static bool window_move(u64 offset)
{
	s64 n;

	if (offset - window_start < window_size)
		return true;
	n = sys_file_read(WORKER_FILE_KERNEL, offset, window, sizeof(window));
	window_start = offset;
	window_size = n > 0 ? (u64)n : 0;
	return n > 0;
}

bool kernel_file_read(u64 offset, void *to, size_t len)
{
	u8 *at = to;

	if (offset > file_size || len > file_size - offset)
		return false;
	while (len > 0) {
		size_t n;

		if (!window_move(offset))
			return false;
		n = MIN(len, window_start + window_size - offset);
		memcpy(at, window + (offset - window_start), n);
		at += n;
		offset += n;
		len -= n;
	}
	return true;
}

static bool source_read(const void *context, u64 offset, void *to, size_t len)
{
	(void)context;
	return kernel_file_read(offset, to, len);
}

struct elf_source kernel_file_source(void)
{
	return (struct elf_source){ .size = file_size, .read = source_read };
}
