/* SPDX-License-Identifier: MIT */
/*
 * The memory file system behind the file layer: a table of what is refused,
 * and random operations from a seed against a model that knows names,
 * contents and every byte that counts, also while memory runs out.
 * sources: rootpart/memfs.c rootpart/memfs_data.c rootpart/vfs.c rootpart/path.c
 * sources: lib/format.c lib/string.c tests/unit/host_assert.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/assert.h"
#include "base/errno.h"
#include "rootpart/heap.h"
#include "rootpart/memfs.h"
#include "rootpart/mutex.h"
#include "rootpart/page_alloc.h"

#define LIMIT  (24 * PAGE_SIZE)
#define ROUNDS 60000

/* Allocations that still succeed. */
static u32 allocations = ~0u;

static bool give(void)
{
	return allocations == ~0u || (allocations > 0 && allocations-- > 0);
}

void *kmalloc(size_t size)
{
	return give() ? malloc(size) : NULL;
}

void *kzalloc(size_t size)
{
	return give() ? calloc(1, size) : NULL;
}

void kfree(void *p)
{
	free(p);
}

void *page_alloc_zeroed(u32 order)
{
	assert(order == 0);
	return give() ? calloc(1, PAGE_SIZE) : NULL;
}

int page_free(void *p, u32 order)
{
	assert(order == 0);
	free(p);
	return 0;
}

void mutex_init(struct mutex *m)
{
	m->held = false;
}

void mutex_lock(struct mutex *m)
{
	assert(!m->held);
	m->held = true;
}

void mutex_unlock(struct mutex *m)
{
	assert(m->held);
	m->held = false;
}

/* Nothing changes there: no function that writes. */
static int other_stat(void *fs, const char *path, struct vfs_stat *stat)
{
	(void)fs;
	*stat = (struct vfs_stat){ .type = path[0] == '\0' ? VFS_DIRECTORY : VFS_FILE };
	return path[0] == '\0' || strcmp(path, "file") == 0 ? 0 : -ENOENT;
}

static const struct vfs_ops other_ops = { .stat = other_stat };

static struct memfs *fs, *inner;

static int mount_all(void **state)
{
	(void)state;
	fs = memfs_create(LIMIT);
	inner = memfs_create(LIMIT);
	assert_int_equal(vfs_mount("/m", &memfs_ops, fs), 0);
	assert_int_equal(vfs_mount("/m/dir/inner", &memfs_ops, inner), 0);
	assert_int_equal(vfs_mount("/ro", &other_ops, NULL), 0);
	return 0;
}

static int forget_all(void **state)
{
	(void)state;
	assert_int_equal(memfs_used(fs), 0);
	assert_int_equal(memfs_used(inner), 0);
	free(fs);
	free(inner);
	return 0;
}

static int put_file(const char *path, const char *text)
{
	struct vfs_file file;
	int r = vfs_open(path, VFS_WRITE | VFS_CREATE | VFS_TRUNCATE, &file);
	s64 done;

	if (r != 0)
		return r;
	done = vfs_write(&file, text, strlen(text));
	vfs_close(&file);
	return done < 0 ? (int)done : 0;
}

static const char *get_file(const char *path)
{
	static char text[64];
	struct vfs_file file;
	s64 n;

	assert_int_equal(vfs_open(path, VFS_READ, &file), 0);
	n = vfs_read(&file, text, sizeof(text) - 1);
	assert_true(n >= 0);
	text[n] = '\0';
	vfs_close(&file);
	return text;
}

static const char *listing(const char *path)
{
	static char text[256];
	struct vfs_directory directory;
	struct vfs_entry entry;

	text[0] = '\0';
	assert_int_equal(vfs_opendir(path, &directory), 0);
	while (vfs_readdir(&directory, &entry) == 1) {
		strcat(text, entry.name);
		strcat(text, entry.stat.type == VFS_DIRECTORY ? "/ " : " ");
	}
	return text;
}

/* 'm' mkdir, 'r' remove, 'f' make a file, 'c' open to create it, 'o' open for
 * reading, 'n' rename. */
static int change(char what, const char *path, const char *to)
{
	struct vfs_file file;
	int r;

	if (what == 'm')
		return vfs_mkdir(path);
	if (what == 'r')
		return vfs_remove(path);
	if (what == 'n')
		return vfs_rename(path, to);
	if (what == 'f')
		return put_file(path, "text");
	r = vfs_open(path, what == 'c' ? VFS_WRITE | VFS_CREATE : VFS_READ, &file);
	if (r == 0)
		vfs_close(&file);
	return r;
}

static void what_is_refused(void **state)
{
	static const struct {
		char what;
		const char *path, *to;
		int result;
	} rows[] = {
		{ 'm', "/m", 0, -EEXIST },
		{ 'm', "/", 0, -EEXIST },
		{ 'm', "/m/dir", 0, -EEXIST }, /* because of what is mounted in it */
		{ 'm', "/m/d", 0, 0 },
		{ 'm', "/m/d/", 0, -EEXIST },
		{ 'm', "/m/x/y", 0, -ENOENT },
		{ 'm', "", 0, -ENOENT },
		{ 'm', "/new", 0, -EROFS },
		{ 'm', "/new/er", 0, -ENOENT },
		{ 'm', "/ro/d", 0, -EROFS },
		{ 'f', "/m/d/f", 0, 0 },
		{ 'm', "/m/d/f", 0, -EEXIST },
		{ 'm', "/m/d/f/g", 0, -ENOTDIR },
		{ 'f', "/m/d/f/g", 0, -ENOTDIR },
		{ 'f', "/m/d", 0, -EISDIR },
		{ 'f', "/m/x/f", 0, -ENOENT },
		{ 'f', "/ro/f", 0, -EROFS },
		{ 'f', "/f", 0, -EROFS },
		{ 'c', "/m/d/f", 0, 0 },
		{ 'o', "/m/d/g", 0, -ENOENT },
		{ 'o', "/m/d", 0, -EISDIR },
		{ 'r', "/m/d", 0, -ENOTEMPTY },
		{ 'r', "/m/d/g", 0, -ENOENT },
		{ 'r', "/m/d/f/g", 0, -ENOTDIR },
		{ 'r', "/", 0, -EBUSY },
		{ 'r', "/m", 0, -EBUSY },
		{ 'r', "/m/dir", 0, -EBUSY },
		{ 'r', "/m/dir/inner", 0, -EBUSY },
		{ 'r', "/ro/file", 0, -EROFS },
		{ 'r', "/ro/nope", 0, -ENOENT },
		{ 'm', "/m/e", 0, 0 },
		{ 'f', "/m/f", 0, 0 },
		{ 'n', "/m/nope", "/m/g", -ENOENT },
		{ 'n', "/m/f", "/m/x/g", -ENOENT },
		{ 'n', "/m/f", "/m/d/f/g", -ENOTDIR },
		{ 'n', "/m/f", "/m/d", -EISDIR },
		{ 'n', "/m/e", "/m/f", -ENOTDIR },
		{ 'n', "/m/e", "/m/d", -ENOTEMPTY },
		{ 'n', "/m/d", "/m/d/f", -EINVAL },
		{ 'n', "/m/d", "/m/d/x", -EINVAL },
		{ 'n', "/m/d", "/m/d", 0 },
		{ 'n', "/m/f", "/m/./f", 0 },
		{ 'n', "/m/f", "/m/dir/inner/f", -EXDEV },
		{ 'n', "/ro/file", "/m/g", -EXDEV },
		{ 'n', "/ro/file", "/ro/g", -EROFS },
		{ 'n', "/m/f", "/g", -EROFS },
		{ 'n', "/m/dir/inner", "/m/g", -EBUSY },
		{ 'n', "/m/dir", "/m/g", -EBUSY },
		{ 'n', "/m/f", "/m/dir", -EBUSY },
		{ 'n', "/m/f", "", -ENOENT },
		{ 'n', "/m/d", "/m/e", 0 }, /* an empty directory gives way */
		{ 'n', "/m/f", "/m/e/f", 0 },
		{ 'r', "/m/e/f", 0, 0 },
		{ 'r', "/m/e", 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int r = change(rows[i].what, rows[i].path, rows[i].to);

		if (r != rows[i].result)
			fail_msg("row %zu: %d instead of %d", i, r, rows[i].result);
	}
	assert_int_equal(memfs_used(fs), 0);
}

/* Whoever has a file open keeps it as it is. */
static void open_files_outlive_their_names(void **state)
{
	struct vfs_file file;
	char text[8] = "";

	(void)state;
	assert_int_equal(put_file("/m/a", "old"), 0);
	assert_int_equal(put_file("/m/b", "newer"), 0);
	assert_int_equal(vfs_open("/m/a", VFS_READ, &file), 0);
	assert_int_equal(vfs_rename("/m/b", "/m/a"), 0);
	assert_string_equal(get_file("/m/a"), "newer");
	assert_string_equal(listing("/m"), "a dir/ ");
	assert_int_equal(vfs_read(&file, text, sizeof(text)), 3);
	assert_string_equal(text, "old");
	vfs_close(&file);
	assert_int_equal(vfs_open("/m/a", VFS_WRITE, &file), 0);
	assert_int_equal(vfs_remove("/m/a"), 0);
	assert_int_equal(vfs_write(&file, "x", 1), 1);
	file.offset = 0;
	assert_int_equal(vfs_read(&file, text, sizeof(text)), 5);
	assert_memory_equal(text, "xewer", 5);
	assert_true(memfs_used(fs) > 0);
	vfs_close(&file);
	assert_int_equal(memfs_used(fs), 0);
}

/* One that goes on while entries come and go shows the others once. */
static void listings_go_on(void **state)
{
	struct vfs_directory directory;
	struct vfs_entry entry;
	char seen[64] = "";

	(void)state;
	for (const char *name = "abcdef"; *name != '\0'; name++) {
		char path[8] = { '/', 'm', '/', *name };

		assert_int_equal(vfs_mkdir(path), 0);
	}
	assert_int_equal(vfs_opendir("/m", &directory), 0);
	for (u32 i = 0; vfs_readdir(&directory, &entry) == 1; i++) {
		strcat(seen, entry.name);
		if (i == 1) {
			assert_int_equal(vfs_remove("/m/a"), 0);
			assert_int_equal(vfs_remove("/m/d"), 0);
			assert_int_equal(vfs_mkdir("/m/g"), 0);
		}
	}
	assert_string_equal(seen, "abcefgdir");
	for (const char *name = "bcefg"; *name != '\0'; name++) {
		char path[8] = { '/', 'm', '/', *name };

		assert_int_equal(vfs_remove(path), 0);
	}
}

static void what_is_beyond_the_limit(void **state)
{
	static char text[LIMIT];
	struct vfs_file file;
	u64 used;

	(void)state;
	memset(text, 'x', sizeof(text));
	assert_int_equal(vfs_open("/m/f", VFS_WRITE | VFS_CREATE, &file), 0);
	used = memfs_used(fs);
	assert_int_equal(vfs_write(&file, text, LIMIT), -ENOSPC);
	assert_int_equal(memfs_used(fs), used);
	file.offset = LIMIT;
	assert_int_equal(vfs_write(&file, text, 1), -ENOSPC);
	file.offset = ~0ull;
	assert_int_equal(vfs_write(&file, text, 1), -ENOSPC);
	assert_int_equal(vfs_write(&file, text, 0), 0);
	assert_int_equal(memfs_used(fs), used);
	/* A hole costs nothing, and reads as zeros. */
	file.offset = LIMIT - 1;
	assert_int_equal(vfs_write(&file, text, 1), 1);
	file.offset = 0;
	assert_int_equal(vfs_read(&file, text, sizeof(text)), LIMIT);
	assert_int_equal(text[0] | text[LIMIT - 2], 0);
	assert_int_equal(text[LIMIT - 1], 'x');
	vfs_close(&file);
	assert_int_equal(vfs_open("/m/f", VFS_WRITE | VFS_TRUNCATE, &file), 0);
	assert_int_equal(memfs_used(fs), MEMFS_ENTRY_SIZE);
	assert_int_equal(vfs_read(&file, text, sizeof(text)), 0);
	vfs_close(&file);
	assert_int_equal(vfs_remove("/m/f"), 0);
}

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
	assert_true(result != -ENOSPC || allocations != ~0u);
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
	assert_int_equal(listed, count + 1); /* and the mount point */
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
	allocations = random_below(6) == 0 ? random_below(4) : ~0u;
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
	allocations = ~0u;
	assert_int_equal(memfs_used(fs), model_used);
}

static void random_operations(void **state)
{
	const char *seed = getenv("VERDIGRIS_SEED");

	(void)state;
	random_state = seed != NULL ? strtoull(seed, NULL, 0) : 1;
	for (u32 i = 0; i < ROUNDS; i++) {
		one_step();
		if (i % 500 == 0)
			check_tree();
	}
	remove_all();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_refused),
		cmocka_unit_test(open_files_outlive_their_names),
		cmocka_unit_test(listings_go_on),
		cmocka_unit_test(what_is_beyond_the_limit),
		cmocka_unit_test(random_operations),
	};

	return cmocka_run_group_tests(tests, mount_all, forget_all);
}
