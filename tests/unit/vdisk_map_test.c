/* SPDX-License-Identifier: MIT */
/*
 * The map of a file's places against a plain array of its blocks: windows that are learnt, changed
 * and forgotten at random, and what memory they take.
 * sources: rootpart/vdisk/vdisk_map.c lib/string.c tests/unit/fake_root.c
 * cflags: -iquote tests/unit/fake/root
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/errno.h"
#include "rootpart/heap.h"
#include "rootpart/vdisk/vdisk_map.h"
#include "tests/unit/fake_root.h"

#define BLOCK  4096u
#define BLOCKS (3 * 1024u + 77) /* four windows, the last one short */
#define SIZE   ((u64)BLOCKS * BLOCK - 512)

static struct vdisk_map m;
static struct {
	u64 place; /* in blocks */
	enum vfs_extent_state state;
	bool known;
} model[BLOCKS];
static u32 allocations_left, objects;
static u32 seed = 1;

void *kmalloc(size_t size)
{
	if (allocations_left == 0)
		return NULL;
	allocations_left--;
	objects++;
	return malloc(size);
}

void kfree(void *p)
{
	objects -= p != NULL;
	free(p);
}

static u32 any(u32 below)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % below;
}

static u32 window_first(u32 block)
{
	return block - block % (VDISK_WINDOW / BLOCK);
}

static u32 window_last(u32 block)
{
	return MIN(window_first(block) + (u32)(VDISK_WINDOW / BLOCK), BLOCKS);
}

static bool goes_on(u32 i)
{
	if (model[i].state != model[i + 1].state)
		return false;
	return model[i].state == VFS_HOLE || model[i].place + 1 == model[i + 1].place;
}

static struct vfs_extent extent(u32 first, u32 count)
{
	u64 end = MIN((u64)(first + count) * BLOCK, SIZE);

	return (struct vfs_extent){ (u64)first * BLOCK, end - (u64)first * BLOCK,
		model[first].state == VFS_HOLE ? 0 : model[first].place * BLOCK,
		model[first].state };
}

/* The model's extent at @first, no further than @end. */
static u32 run(u32 first, u32 end)
{
	u32 i = first;

	while (i + 1 < end && goes_on(i))
		i++;
	return i + 1 - first;
}

static int learn(u32 block)
{
	u32 end = window_last(block);
	u64 offset = (u64)block * BLOCK;
	int r;

	vdisk_map_begin(&m);
	for (u32 i = window_first(block); i < end;) {
		/* As a file system says it: beyond the window, too. */
		u32 count = run(i, BLOCKS);
		struct vfs_extent e = extent(i, count);

		vdisk_map_add(&m, offset, &e);
		i += count;
	}
	r = vdisk_map_end(&m, offset);
	for (u32 i = window_first(block); r == 0 && i < end; i++)
		model[i].known = true;
	return r;
}

static void change(u32 first, u32 count)
{
	enum vfs_extent_state state = (enum vfs_extent_state)any(3);
	u64 place = 1 + any(1 << 20);
	struct vfs_extent e;

	if (any(2) && first > 0 && model[first - 1].state != VFS_HOLE)
		place = model[first - 1].place + 1;
	for (u32 i = 0; i < count; i++) {
		model[first + i].state = state;
		model[first + i].place = place + i;
	}
	e = extent(first, count);
	vdisk_map_set(&m, &e);
}

static void compare(u32 block)
{
	u64 in = any(BLOCK - 512);
	struct vfs_extent e;

	if (!vdisk_map_find(&m, (u64)block * BLOCK + in, &e)) {
		assert_false(model[block].known);
		return;
	}
	assert_true(model[block].known);
	assert_int_equal(e.offset, (u64)block * BLOCK + in);
	assert_int_equal(e.state, model[block].state);
	if (e.state != VFS_HOLE)
		assert_int_equal(e.place, model[block].place * BLOCK + in);
	assert_int_equal(
		e.offset + e.len, MIN((u64)(block + run(block, window_last(block))) * BLOCK, SIZE));
}

static void begin(void)
{
	memset(model, 0, sizeof(model));
	allocations_left = ~0u;
	assert_int_equal(vdisk_map_init(&m, SIZE), 0);
}

static void end(void)
{
	vdisk_map_free(&m);
	assert_int_equal(objects, 0);
}

static void at_random(void **context)
{
	(void)context;
	begin();
	for (u32 i = 0; i < 20000; i++) {
		u32 block = any(BLOCKS), kind = any(16);

		if (kind == 0) {
			assert_int_equal(learn(block), 0);
		} else if (kind == 1) {
			u32 count = 1 + any(2000);

			vdisk_map_forget(&m, (u64)block * BLOCK, (u64)(block + count) * BLOCK);
			for (u32 k = window_first(block); k < BLOCKS && k < block + count; k++)
				for (u32 n = window_first(k); n < window_last(k); n++)
					model[n].known = false;
		} else if (kind < 8) {
			u32 most = any(3) ? 4 : 1500;

			change(block, 1 + any(MIN(BLOCKS - block, most)));
		} else {
			compare(block);
		}
	}
	end();
}

/* Without memory a window that changed is forgotten, rather than wrong. */
static void no_memory(void **context)
{
	struct vfs_extent e;

	(void)context;
	begin();
	assert_int_equal(learn(5), 0);
	allocations_left = 0;
	assert_int_equal(learn(1500), -ENOMEM);
	change(3, 4);
	assert_false(vdisk_map_find(&m, 5 * BLOCK, &e));
	end();
	assert_int_equal(vdisk_map_init(&m, SIZE), -ENOMEM);
}

static void gaps(void **context)
{
	struct vfs_extent e = { .offset = BLOCK, .len = BLOCK };

	(void)context;
	begin();
	vdisk_map_begin(&m);
	assert_int_equal(vdisk_map_end(&m, 0), -EINVAL);
	vdisk_map_add(&m, 0, &e);
	assert_int_equal(vdisk_map_end(&m, 0), -EINVAL);
	end();
}

/* More extents than are kept: the windows that were learnt first go. */
static void bounded(void **context)
{
	u64 windows = VDISK_EXTENTS_MAX / VDISK_RUNS_MAX + 8;
	struct vfs_extent e;

	(void)context;
	allocations_left = ~0u;
	assert_int_equal(vdisk_map_init(&m, windows * VDISK_WINDOW), 0);
	for (u64 w = 0; w < windows; w++) {
		vdisk_map_begin(&m);
		for (u64 i = 0; i < VDISK_RUNS_MAX; i++) {
			e = (struct vfs_extent){ w * VDISK_WINDOW + i * VDISK_EXTENT_MIN,
				VDISK_EXTENT_MIN, (1 + i) * 8192, VFS_WRITTEN };
			vdisk_map_add(&m, w * VDISK_WINDOW, &e);
		}
		assert_int_equal(vdisk_map_end(&m, w * VDISK_WINDOW), 0);
		assert_true(m.extents <= VDISK_EXTENTS_MAX);
	}
	assert_false(vdisk_map_find(&m, 0, &e));
	assert_true(vdisk_map_find(&m, (windows - 1) * VDISK_WINDOW + 1024, &e));
	assert_int_equal(e.place, 2 * 8192);
	assert_int_equal(e.len, VDISK_EXTENT_MIN);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(at_random),
		cmocka_unit_test(no_memory),
		cmocka_unit_test(gaps),
		cmocka_unit_test(bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
