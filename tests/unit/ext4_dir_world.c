/* SPDX-License-Identifier: MIT */
/*
 * See ext4_dir_world.h.
 */
#include "tests/unit/ext4_dir_world.h"

#include "rootpart/ext4/ext4_htree.h"

struct world w;

size_t world_name(u32 i, char *name)
{
	u32 len = w.shortest + (i * 2654435761u >> 8) % (w.longest - w.shortest + 1);

	snprintf(name, EXT4_NAME_MAX + 1, "%06u", i);
	for (u32 k = 6; k < len; k++)
		name[k] = (char)('a' + (i * 7 + k * 13) % 26);
	name[len] = '\0';
	return len;
}

void world_links(s32 more)
{
	struct ext4_iref ref;

	assert_int_equal(ext4_inode_get(w.v.fs, w.file, &ref), 0);
	assert_int_equal(ext4_inode_change(w.v.fs, &ref), 0);
	ref.i->links_count = (u16)(ref.i->links_count + more);
	ext4_inode_seal(w.v.fs, &ref);
	ext4_inode_put(w.v.fs, &ref);
}

u64 world_memory = ~0ull;

int world_add(u32 i)
{
	struct ext4_iref dir = volume_inode(&w.v, "d");
	char name[EXT4_NAME_MAX + 1];
	size_t len = world_name(i, name);
	int r;

	assert_int_equal(ext4_begin(w.v.fs, EXT4_DIR_BLOCKS), 0);
	image_memory_left = world_memory;
	r = ext4_dir_add(w.v.fs, &dir, name, len, w.file, EXT4_TYPE_FILE);
	image_memory_left = ~0ull;
	if (r == 0)
		world_links(1);
	r = ext4_end(w.v.fs, r);
	ext4_inode_put(w.v.fs, &dir);
	if (r == 0) {
		w.in[i] = true;
		w.there++;
	}
	return r;
}

int world_take(u32 i)
{
	struct ext4_iref dir = volume_inode(&w.v, "d");
	char name[EXT4_NAME_MAX + 1];
	size_t len = world_name(i, name);
	int r;

	assert_int_equal(ext4_begin(w.v.fs, EXT4_DIR_BLOCKS), 0);
	r = ext4_dir_remove(w.v.fs, &dir, name, len);
	if (r == 0)
		world_links(-1);
	r = ext4_end(w.v.fs, r);
	ext4_inode_put(w.v.fs, &dir);
	if (r == 0) {
		w.in[i] = false;
		w.there--;
	}
	return r;
}

int world_find(u32 i)
{
	struct ext4_iref dir = volume_inode(&w.v, "d");
	char name[EXT4_NAME_MAX + 1];
	size_t len = world_name(i, name);
	struct ext4_found found;
	int r = ext4_dir_find(w.v.fs, &dir, name, len, &found);

	ext4_inode_put(w.v.fs, &dir);
	if (r == 0) {
		assert_int_equal(found.ino, w.file);
		assert_int_equal(found.type, EXT4_TYPE_FILE);
	}
	return r;
}

void world_make(const struct kind *k, u32 megabytes, u32 names, u32 longest)
{
	u32 ino;

	w = (struct world){ .kind = k, .count = names, .shortest = 6, .longest = longest };
	volume_make(&w.v, k, megabytes, 64, "");
	assert_int_equal(ext4_create(w.v.fs, "file", false, &w.file), 0);
	assert_int_equal(ext4_create(w.v.fs, "d", true, &ino), 0);
}

void world_is_found(void)
{
	for (u32 i = 0; i < w.count; i++)
		assert_int_equal(world_find(i), w.in[i] ? 0 : -ENOENT);
}

/* debugfs's "ls -l": the name is the last word. */
static void others_list_the_same(void)
{
	static bool seen[NAMES_MAX];
	char line[512], name[EXT4_NAME_MAX + 1];
	u32 count = 0;
	FILE *f;

	assert_int_equal(image_command("debugfs -R 'ls -l /d' %s/image >%s/list 2>/dev/null",
				 image_folder(), image_folder()),
		0);
	memset(seen, 0, sizeof(seen));
	snprintf(line, sizeof(line), "%s/list", image_folder());
	f = fopen(line, "rb");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		char *last;
		u32 i;

		line[strcspn(line, "\n")] = '\0';
		while (strlen(line) > 0 && line[strlen(line) - 1] == ' ')
			line[strlen(line) - 1] = '\0';
		last = strrchr(line, ' ');
		/* Free entries are listed too, as inode 0. */
		if (last == NULL || last[1] == '.' || atoi(line) == 0)
			continue;
		i = (u32)atoi(last + 1);
		assert_true(i < w.count);
		(void)world_name(i, name);
		assert_string_equal(last + 1, name);
		assert_true(w.in[i] && !seen[i]);
		seen[i] = true;
		count++;
	}
	fclose(f);
	assert_int_equal(count, w.there);
}

void world_is_listed(const bool *must)
{
	static bool seen[NAMES_MAX];
	struct ext4_iref dir = volume_inode(&w.v, "d");
	char name[EXT4_NAME_MAX + 1], right[EXT4_NAME_MAX + 1];
	struct ext4_found found;
	u64 position = 0;
	u32 dots = 0;
	int r;

	memset(seen, 0, sizeof(seen));
	while ((r = ext4_dir_next(w.v.fs, &dir, &position, name, &found)) == 1) {
		u32 i = (u32)atoi(name);

		if (name[0] == '.') {
			assert_int_equal(found.ino, name[1] == '.' ? EXT4_ROOT_INO : dir.ino);
			dots += 1;
			continue;
		}
		assert_true(i < w.count);
		(void)world_name(i, right);
		assert_string_equal(name, right);
		assert_false(seen[i]);
		seen[i] = true;
	}
	assert_int_equal(r, 0);
	assert_int_equal(dots, 2);
	assert_memory_equal(seen, must, w.count * sizeof(*must));
	ext4_inode_put(w.v.fs, &dir);
}

void world_compare(void)
{
	struct ext4_iref dir = volume_inode(&w.v, "d");

	assert_int_equal(ext4_dir_is_empty(w.v.fs, &dir), w.there == 0);
	ext4_inode_put(w.v.fs, &dir);
	volume_check(&w.v);
	others_list_the_same();
	world_is_found();
	world_is_listed(w.in);
}

void world_change(bool there, u32 how_many)
{
	u32 i = random_below(w.count);

	for (u32 n = 0; n < how_many; n++) {
		while (w.in[i] == there)
			i = (i + 7919) % w.count;
		assert_int_equal(there ? world_add(i) : world_take(i), 0);
		i = (i + random_below(w.count)) % w.count;
	}
}

u32 world_levels(u32 *root_count)
{
	struct ext4_iref dir = volume_inode(&w.v, "d");
	struct ext4_buffer *b;
	u32 levels = 0;

	*root_count = 0;
	if (dir.i->flags & EXT4_FL_INDEX) {
		struct ext4_dx_frame f = { .offset = DX_ROOT };

		assert_int_equal(ext4_dir_block(w.v.fs, &dir, 0, &b), 0);
		f.b = b;
		levels = 1u + ext4_dx_info(b)->indirect_levels;
		*root_count = ext4_dx_count(ext4_dx_entries(&f));
		ext4_buffer_put(w.v.fs, b);
	}
	ext4_inode_put(w.v.fs, &dir);
	return levels;
}
