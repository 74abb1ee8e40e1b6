/* SPDX-License-Identifier: MIT */
/*
 * What is wrong with a request's numbers, whatever it is for.
 */
#include "base/errno.h"
#include "rootpart/block/block_queue.h"

static int check_range(const struct block_request *r, u32 sector_size, u64 sectors)
{
	u64 count = r->bytes >> __builtin_ctz(sector_size);

	if (r->bytes == 0 || (r->bytes & (sector_size - 1)) != 0)
		return -EINVAL;
	return r->sector <= sectors && count <= sectors - r->sector ? 0 : -EINVAL;
}

static int check_segments(const struct block_request *r)
{
	u64 sum = 0;

	if (r->bytes > BLOCK_REQUEST_MAX || r->segment_count > BLOCK_SEGMENTS_MAX)
		return -EINVAL;
	for (u32 i = 0; i < r->segment_count; i++) {
		const struct block_segment *s = &r->segments[i];

		if (s->len == 0 || s->gpa.a > ~0ull - s->len)
			return -EINVAL;
		sum += s->len;
	}
	if (r->flags & BLOCK_PART)
		return sum >= (u64)r->skip + r->bytes ? 0 : -EINVAL;
	return sum == r->bytes ? 0 : -EINVAL;
}

int block_request_check(const struct block_request *r, u32 sector_size, u64 sectors)
{
	int error = check_range(r, sector_size, sectors);

	return error == 0 && r->op != BLOCK_DISCARD ? check_segments(r) : error;
}
