/* SPDX-License-Identifier: MIT */
/*
 * Child memory. The worker has one thread, so the list of regions, which never
 * changes, and the bitmap's own words are all the state; the kernel clears
 * bits of the bitmap at any time.
 */
#include "rootpart/worker/memory.h"

#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/worker/space.h"
#include "rootpart/worker/sys.h"

/* Bounds the time of one call of the kernel. */
#define LOAD_CHUNK MIB

static struct worker_region regions[WORKER_REGIONS_MAX];
static u32 region_count;

static bool region_sane(const struct worker_region *r)
{
	return IS_ALIGNED(r->gpa | r->size, PAGE_SIZE) && r->size > 0 &&
	       r->gpa <= UINT64_MAX - r->size && r->type <= WORKER_REGION_ROM;
}

/* Puts @r where it belongs by its GPA. False: it overlaps another one. */
static bool region_insert(const struct worker_region *r)
{
	u32 at = region_count;

	while (at > 0 && regions[at - 1].gpa > r->gpa)
		at--;
	if (at > 0 && r->gpa - regions[at - 1].gpa < regions[at - 1].size)
		return false;
	if (at < region_count && regions[at].gpa - r->gpa < r->size)
		return false;
	memmove(&regions[at + 1], &regions[at], (region_count - at) * sizeof(*r));
	regions[at] = *r;
	region_count++;
	return true;
}

bool memory_init(void)
{
	const struct worker_start *start = space_start();

	region_count = 0;
	if (start->region_count > WORKER_REGIONS_MAX)
		return false;
	for (u32 i = 0; i < start->region_count; i++)
		if (!region_sane(&start->region[i]) || !region_insert(&start->region[i]))
			return false;
	return true;
}

u32 memory_region_count(void)
{
	return region_count;
}

const struct worker_region *memory_region(u32 i)
{
	return &regions[i];
}

static const struct worker_region *region_of(u64 gpa)
{
	for (u32 i = 0; i < region_count; i++)
		if (gpa >= regions[i].gpa && gpa - regions[i].gpa < regions[i].size)
			return &regions[i];
	return NULL;
}

static bool allows(const struct worker_region *r, enum memory_access access)
{
	return access == MEMORY_READ || r->type == WORKER_REGION_RAM;
}

void *memory_at(u64 gpa, u64 len, enum memory_access access)
{
	const struct worker_region *r = region_of(gpa);

	if (r == NULL || !allows(r, access) || len == 0 || len > r->size - (gpa - r->gpa))
		return NULL;
	return space_memory() + gpa;
}

void memory_wrote(u64 gpa, u64 len)
{
	u64 *dirty = space_dirty();

	if (memory_at(gpa, len, MEMORY_WRITE) == NULL)
		return;
	/*
	 * Pairs with the kernel's reading and clearing of whole words. A look
	 * whether the bit is set already could come before the bytes do.
	 */
	for (u64 page = gpa >> PAGE_SHIFT; page <= (gpa + len - 1) >> PAGE_SHIFT; page++)
		__atomic_fetch_or(&dirty[page / 64], BIT(page % 64), __ATOMIC_SEQ_CST);
}

/* How many of @len bytes at @gpa lie in its region, or up to the next one. */
static size_t piece(u64 gpa, size_t len, const struct worker_region **r)
{
	*r = region_of(gpa);
	if (*r != NULL)
		return MIN(len, (*r)->size - (gpa - (*r)->gpa));
	for (u32 i = 0; i < region_count; i++)
		if (regions[i].gpa > gpa)
			return MIN(len, regions[i].gpa - gpa);
	return len;
}

void memory_read(u64 gpa, void *to, size_t len)
{
	const struct worker_region *r;
	u8 *at = to;

	for (size_t n; len > 0; gpa += n, at += n, len -= n) {
		n = piece(gpa, len, &r);
		if (r != NULL)
			memcpy(at, space_memory() + gpa, n);
		else
			memset(at, 0xff, n);
	}
}

void memory_write(u64 gpa, const void *from, size_t len)
{
	const struct worker_region *r;
	const u8 *at = from;

	for (size_t n; len > 0; gpa += n, at += n, len -= n) {
		n = piece(gpa, len, &r);
		if (r == NULL || !allows(r, MEMORY_WRITE))
			continue;
		memcpy(space_memory() + gpa, at, n);
		memory_wrote(gpa, n);
	}
}

bool memory_fill(u64 gpa, const void *from, u64 len)
{
	if (memory_at(gpa, len, MEMORY_WRITE) == NULL)
		return false;
	memory_write(gpa, from, len);
	return true;
}

bool memory_zero(u64 gpa, u64 len)
{
	void *at = memory_at(gpa, len, MEMORY_WRITE);

	if (at == NULL)
		return false;
	memset(at, 0, len);
	memory_wrote(gpa, len);
	return true;
}

int memory_load(enum worker_file file, u64 offset, u64 len, u64 gpa)
{
	if (memory_at(gpa, len, MEMORY_WRITE) == NULL)
		return -EFAULT;
	while (len > 0) {
		s64 n = sys_file_load(file, offset, MIN(len, LOAD_CHUNK), gpa);

		if (n <= 0)
			return n < 0 ? (int)n : -EIO;
		memory_wrote(gpa, (u64)n);
		offset += (u64)n;
		gpa += (u64)n;
		len -= (u64)n;
	}
	return 0;
}
