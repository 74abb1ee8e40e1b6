/* SPDX-License-Identifier: MIT */
/*
 * The child's memory by GPA: the only way to it. Regions are the kernel's, from
 * the start page. Every write is recorded in the bitmap at WORKER_DIRTY, page
 * by page and after the bytes stand there, so that whoever reads and clears
 * a bit sees them. All processors of the child may change memory at any time:
 * callers copy once, then check the copy.
 */
#pragma once

#include "base/types.h"
#include "worker/abi.h"

/* Takes over the regions, in rising order; false if they make no sense. */
[[nodiscard]] bool memory_init(void);
u32 memory_region_count(void);
const struct worker_region *memory_region(u32 i);

enum memory_access { MEMORY_READ, MEMORY_WRITE };

/*
 * The @len bytes at @gpa, or NULL: they are not all within one region that
 * allows the access, or there are none. ROM may be read. Who writes there calls
 * memory_wrote() afterwards.
 */
void *memory_at(u64 gpa, u64 len, enum memory_access access);
/* Records a write to RAM; what is not RAM is passed over. */
void memory_wrote(u64 gpa, u64 len);

/*
 * What a processor's access to any address does: bytes that are nowhere read as
 * ones, and writes of them, and of ROM, are dropped.
 */
void memory_read(u64 gpa, void *to, size_t len);
void memory_write(u64 gpa, const void *from, size_t len);

/*
 * For loading; false unless all of it is RAM of one region. memory_load() reads
 * @file into it: 0; -EFAULT not RAM; -EIO the file ended; or a file error.
 */
[[nodiscard]] bool memory_fill(u64 gpa, const void *from, u64 len);
[[nodiscard]] bool memory_zero(u64 gpa, u64 len);
[[nodiscard]] int memory_load(enum worker_file file, u64 offset, u64 len, u64 gpa);
