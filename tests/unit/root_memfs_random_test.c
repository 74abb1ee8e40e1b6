/* SPDX-License-Identifier: MIT */
/*
 * The memory file system: random operations from a seed against a model that
 * knows names, contents and every byte that counts, also while memory runs
 * out. VERDIGRIS_SEED sets another seed.
 * sources: rootpart/memfs.c rootpart/memfs_data.c rootpart/vfs.c rootpart/path.c
 * sources: lib/format.c lib/string.c tests/unit/fake_files.c tests/unit/host_assert.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/errno.h"
#include "rootpart/memfs.h"
#include "tests/unit/fake_files.h"

#define LIMIT  (24 * PAGE_SIZE)
#define ROUNDS 60000

static struct memfs *fs;

/* The model: objects, and the paths that lead to them. */
#define OBJECTS 256
#define OPEN    4
#define LONGEST 120 /* path: trees do not get deeper */

struct object {
	u32 users;
	bool directory;
	u64 size;
	u64 room;
	u32 pages; /* bit per page that is there */
	u8 data[LIMIT];
};

static struct object objects[OBJECTS];

static struct {
	char path[LONGEST]; /* "": free */
	struct object *object;
} names[OBJECTS];

static struct {
	struct vfs_file file;
	struct object *object; /* NULL: closed */
} open_files[OPEN];

static u64 model_used;
static u64 random_state;

static u32 random_below(u32 n)
{
	random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
	return (u32)(random_state >> 33) % n;
}

static u64 object_cost(const struct object *o)
{
	return MEMFS_ENTRY_SIZE + (u64)__builtin_popcount(o->pages) * PAGE_SIZE + o->room * 8;
}

static u32 model_find(const char *path)
{
	u32 i = 0;

	while (i < OBJECTS && strcmp(names[i].path, path) != 0)
		i++;
	return i;
}

static struct object *model_object(const char *path)
{
	u32 i = model_find(path);

	return i < OBJECTS ? names[i].object : NULL;
}

static void model_put(const char *path, struct object *o)
{
	u32 i = model_find("");

	assert_true(i < OBJECTS);
	strcpy(names[i].path, path);
	names[i].object = o;
}

static void model_make(const char *path, bool directory)
{
	struct object *o = objects;

	while (o->users > 0)
		o++;
	assert_true(o < objects + OBJECTS);
	memset(o, 0, sizeof(*o));
	o->users = 1;
	o->directory = directory;
	model_used += object_cost(o);
	model_put(path, o);
}

static void model_drop(struct object *o)
{
	if (--o->users == 0)
		model_used -= object_cost(o);
}

static void model_remove(const char *path)
{
	u32 i = model_find(path);

	model_drop(names[i].object);
	names[i].path[0] = '\0';
}

static bool is_below(const char *path, const char *top)
{
	size_t n = strlen(top);

	return strncmp(path, top, n) == 0 && path[n] == '/';
}

static bool model_empty(const char *path)
{
	for (u32 i = 0; i < OBJECTS; i++) {
		if (is_below(names[i].path, path))
			return false;
	}
	return true;
}

/* 0 if the directory that @path would stand in is there. */
static int model_parent(const char *path)
{
	char up[LONGEST];
	struct object *o;

	strcpy(up, path);
	*strrchr(up, '/') = '\0';
	if (strcmp(up, "/m") == 0)
		return 0;
	o = model_object(up);
	if (o != NULL)
		return o->directory ? 0 : -ENOTDIR;
	return model_parent(up) == -ENOTDIR ? -ENOTDIR : -ENOENT;
}

static void random_path(char *path)
{
	static const char *const parts[] = { "a", "b", "abc" };
	u32 depth = 1 + random_below(3);

	strcpy(path, "/m");
	for (u32 i = 0; i < depth; i++)
		sprintf(path + strlen(path), "/%s", parts[random_below(ARRAY_SIZE(parts))]);
}

/* True if the result stands for "no room": then nothing may have changed. */
static bool out_of_room(int result, u64 more)
{
	if (model_used + more > LIMIT) {
		assert_int_equal(result, -ENOSPC);
		return true;
	}
	assert_true(result != -ENOSPC || fake_allocations != FAKE_ENDLESS);
	return result == -ENOSPC;
}

static void try_mkdir(const char *path)
{
	int r = vfs_mkdir(path), wrong = model_parent(path);

	if (wrong == 0 && model_object(path) != NULL)
		wrong = -EEXIST;
	if (wrong != 0)
		assert_int_equal(r, wrong);
	else if (!out_of_room(r, MEMFS_ENTRY_SIZE))
		model_make(path, true);
}

static void try_open(const char *path)
{
	u32 slot = random_below(OPEN), flags = random_below(2) ? VFS_TRUNCATE : 0;
	struct object *o;
	int r, wrong = model_parent(path);

	if (open_files[slot].object != NULL) {
		vfs_close(&open_files[slot].file);
		model_drop(open_files[slot].object);
		open_files[slot].object = NULL;
	}
	flags |= VFS_WRITE | (random_below(3) ? VFS_CREATE : 0);
	o = model_object(path);
	r = vfs_open(path, flags, &open_files[slot].file);
	if (wrong == 0 && o == NULL && !(flags & VFS_CREATE))
		wrong = -ENOENT;
	if (wrong == 0 && o != NULL && o->directory)
		wrong = -EISDIR;
	if (wrong != 0) {
		assert_int_equal(r, wrong);
		return;
	}
	if (o == NULL && out_of_room(r, MEMFS_ENTRY_SIZE))
		return;
	assert_int_equal(r, 0);
	if (o == NULL) {
		model_make(path, false);
		o = model_object(path);
	} else if (flags & VFS_TRUNCATE) {
		model_used -= object_cost(o) - MEMFS_ENTRY_SIZE;
		o->size = o->room = o->pages = 0;
		memset(o->data, 0, LIMIT);
	}
	o->users++;
	open_files[slot].object = o;
}

static void try_write(void)
{
	static u8 data[2 * LIMIT];
	u32 slot = random_below(OPEN);
	struct object *o = open_files[slot].object, after;
	struct vfs_file *file = &open_files[slot].file;
	u64 offset = random_below(LIMIT + 10), len = random_below(random_below(8) ? 9000 : LIMIT);
	u64 end = offset + len;
	s64 r;

	if (o == NULL)
		return;
	for (u64 i = 0; i < len; i++)
		data[i] = (u8)random_below(256);
	file->offset = offset;
	r = vfs_write(file, data, len);
	assert_true(r == (s64)len || r == -ENOSPC);
	assert_int_equal(file->offset, r >= 0 ? end : offset);
	after = *o;
	if (len > 0 && end <= LIMIT) {
		for (u64 page = offset / PAGE_SIZE; page * PAGE_SIZE < end; page++)
			after.pages |= 1u << page;
		while (after.room * PAGE_SIZE < end)
			after.room = after.room ? 2 * after.room : 8;
	}
	if (len > 0 && out_of_room((int)MIN(r, 0),
			       end > LIMIT ? LIMIT + 1 : object_cost(&after) - object_cost(o)))
		return;
	if (len == 0)
		return;
	model_used += object_cost(&after) - object_cost(o);
	o->pages = after.pages;
	o->room = after.room;
	o->size = MAX(o->size, end);
	memcpy(o->data + offset, data, len);
}

static void check_contents(struct vfs_file *file, const struct object *o)
{
	static u8 data[LIMIT + 1];
	u64 offset = random_below(LIMIT + 10), len = random_below(LIMIT);
	u64 there = offset < o->size ? MIN(len, o->size - offset) : 0;

	file->offset = offset;
	assert_int_equal(vfs_read(file, data, len), there);
	assert_memory_equal(data, o->data + MIN(offset, o->size), there);
}

static void try_read(void)
{
	u32 slot = random_below(OPEN);

	if (open_files[slot].object != NULL)
		check_contents(&open_files[slot].file, open_files[slot].object);
}

static void try_remove(const char *path)
{
	struct object *o = model_object(path);
	int r = vfs_remove(path), wrong = model_parent(path);

	if (wrong == 0 && o == NULL)
		wrong = -ENOENT;
	if (wrong == 0 && o->directory && !model_empty(path))
		wrong = -ENOTEMPTY;
	assert_int_equal(r, wrong);
	if (r == 0)
		model_remove(path);
}

static int rename_wrong(const char *from, const char *to)
{
	struct object *o = model_object(from), *old = model_object(to);
	int wrong = model_parent(from);

	if (wrong != 0 || o == NULL)
		return wrong != 0 ? wrong : -ENOENT;
	if (strcmp(from, to) == 0)
		return 0;
	if (is_below(to, from))
		return -EINVAL;
	wrong = model_parent(to);
	if (wrong != 0 || old == NULL)
		return wrong;
	if (o->directory != old->directory)
		return old->directory ? -EISDIR : -ENOTDIR;
	return old->directory && !model_empty(to) ? -ENOTEMPTY : 0;
}

static void model_rename(const char *from, const char *to)
{
	char path[2 * LONGEST];

	if (strcmp(from, to) == 0)
		return;
	if (model_object(to) != NULL)
		model_remove(to);
	for (u32 i = 0; i < OBJECTS; i++) {
		if (strcmp(names[i].path, from) != 0 && !is_below(names[i].path, from))
			continue;
		sprintf(path, "%s%s", to, names[i].path + strlen(from));
		strcpy(names[i].path, path);
	}
}

static bool too_deep(const char *from, const char *to)
{
	for (u32 i = 0; i < OBJECTS; i++) {
		if (is_below(names[i].path, from) &&
			strlen(names[i].path) - strlen(from) + strlen(to) >= LONGEST)
			return true;
	}
	return false;
}

static void try_rename(const char *from)
{
	int r, wrong;
	char to[24];

	random_path(to);
	if (too_deep(from, to))
		return;
	wrong = rename_wrong(from, to);
	r = vfs_rename(from, to);
	if (wrong != 0 || model_object(to) != NULL)
		assert_int_equal(r, wrong);
	else if (out_of_room(r, 0))
		return;
	if (r == 0)
		model_rename(from, to);
}

/* Everything that the model has is there; listings show nothing else. */
static void check_tree(void)
{
	struct vfs_directory directory;
	struct vfs_entry entry;
	struct vfs_stat stat;
	struct vfs_file file;
	u32 count = 0, listed = 0;

	for (u32 i = 0; i < OBJECTS; i++) {
		const struct object *o = names[i].object;

		if (names[i].path[0] == '\0')
			continue;
		count++;
		assert_int_equal(vfs_stat(names[i].path, &stat), 0);
		assert_int_equal(stat.type, o->directory ? VFS_DIRECTORY : VFS_FILE);
		assert_int_equal(stat.size, o->size);
		if (!o->directory) {
			assert_int_equal(vfs_open(names[i].path, VFS_READ, &file), 0);
			check_contents(&file, o);
			vfs_close(&file);
			continue;
		}
		assert_int_equal(vfs_opendir(names[i].path, &directory), 0);
		while (vfs_readdir(&directory, &entry) == 1)
			listed++;
	}
	assert_int_equal(vfs_opendir("/m", &directory), 0);
	while (vfs_readdir(&directory, &entry) == 1)
		listed++;
	assert_int_equal(listed, count);
}

/* Until nothing is left: each round takes what is empty. */
static void remove_all(void)
{
	for (bool removed = true; removed;) {
		removed = false;
		for (u32 i = 0; i < OBJECTS; i++) {
			if (names[i].path[0] == '\0' || vfs_remove(names[i].path) != 0)
				continue;
			model_remove(names[i].path);
			removed = true;
		}
	}
	for (u32 i = 0; i < OPEN; i++) {
		if (open_files[i].object == NULL)
			continue;
		vfs_close(&open_files[i].file);
		model_drop(open_files[i].object);
		open_files[i].object = NULL;
	}
	assert_int_equal(model_used, 0);
}

static void one_step(void)
{
	char path[24];

	/* So that there is room again. */
	if (random_below(2000) == 0)
		remove_all();
	random_path(path);
	fake_allocations = random_below(6) == 0 ? random_below(4) : FAKE_ENDLESS;
	switch (random_below(8)) {
	case 0:
		try_mkdir(path);
		break;
	case 1:
		try_open(path);
		break;
	case 2:
		try_remove(path);
		break;
	case 3:
		try_rename(path);
		break;
	case 4:
		try_read();
		break;
	default:
		try_write();
		break;
	}
	fake_allocations = FAKE_ENDLESS;
	assert_int_equal(memfs_used(fs), model_used);
}

static void random_operations(void **state)
{
	const char *seed = getenv("VERDIGRIS_SEED");

	(void)state;
	fs = memfs_create(LIMIT);
	assert_int_equal(vfs_mount("/m", &memfs_ops, fs), 0);
	random_state = seed != NULL ? strtoull(seed, NULL, 0) : 1;
	for (u32 i = 0; i < ROUNDS; i++) {
		one_step();
		if (i % 500 == 0)
			check_tree();
	}
	remove_all();
	assert_int_equal(memfs_used(fs), 0);
	free(fs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_operations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
