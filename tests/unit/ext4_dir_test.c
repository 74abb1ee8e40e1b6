/* SPDX-License-Identifier: MIT */
/*
 * Directories: many names in random order, so that leaves and indexes split;
 * listings that go on meanwhile; damage.
 * sources: rootpart/ext4/ext4_dir.c rootpart/ext4/ext4_dir_list.c rootpart/ext4/ext4_hash.c
 * sources: rootpart/ext4/ext4_htree.c rootpart/ext4/ext4_htree_add.c rootpart/ext4/ext4_name.c
 * sources: rootpart/ext4/ext4_vfs.c tests/unit/image_disk.c
 * sources: lib/string.c
 * sources: rootpart/ext4/ext4_alloc.c rootpart/ext4/ext4_bitmap.c rootpart/ext4/ext4_buffer.c
 * sources: rootpart/ext4/ext4_commit.c rootpart/ext4/ext4_crc.c rootpart/ext4/ext4_extent.c
 * sources: rootpart/ext4/ext4_extent_change.c rootpart/ext4/ext4_extent_cut.c
 * sources: rootpart/ext4/ext4_extent_split.c rootpart/ext4/ext4_features.c
 * sources: rootpart/ext4/ext4_file.c rootpart/ext4/ext4_geometry.c rootpart/ext4/ext4_group.c
 * sources: rootpart/ext4/ext4_ialloc.c rootpart/ext4/ext4_inode.c rootpart/ext4/ext4_journal.c
 * sources: rootpart/ext4/ext4_journal_map.c rootpart/ext4/ext4_journal_super.c
 * sources: rootpart/ext4/ext4_mount.c rootpart/ext4/ext4_orphan.c rootpart/ext4/ext4_replay.c
 * sources: rootpart/ext4/ext4_revoke.c rootpart/ext4/ext4_super.c rootpart/ext4/ext4_truncate.c
 */
#include "rootpart/ext4/ext4_htree.h"
#include "tests/unit/ext4_dir_machine.h"

#define NAMES_MAX 50000u

/* Names of one file in "/d": its links are counted. */
struct world {
	struct volume v;
	const struct kind *kind;
	u32 file;
	u32 there; /* of names */
	u32 shortest, longest;
	u32 count; /* of all names that may be there */
	bool in[NAMES_MAX];
};

static struct world w;

static size_t name_of(u32 i, char *name)
{
	u32 len = w.shortest + (i * 2654435761u >> 8) % (w.longest - w.shortest + 1);

	snprintf(name, EXT4_NAME_MAX + 1, "%06u", i);
	for (u32 k = 6; k < len; k++)
		name[k] = (char)('a' + (i * 7 + k * 13) % 26);
	name[len] = '\0';
	return len;
}

static void count_links(s32 more)
{
	struct ext4_iref ref;

	assert_int_equal(ext4_inode_get(w.v.fs, w.file, &ref), 0);
	assert_int_equal(ext4_inode_change(w.v.fs, &ref), 0);
	ref.i->links_count = (u16)(ref.i->links_count + more);
	ext4_inode_seal(w.v.fs, &ref);
	ext4_inode_put(w.v.fs, &ref);
}

/* Allocations that one adding may do. */
static u64 memory_to_add = ~0ull;

static int add(u32 i)
{
	struct ext4_iref dir = volume_inode(&w.v, "d");
	char name[EXT4_NAME_MAX + 1];
	size_t len = name_of(i, name);
	int r;

	assert_int_equal(ext4_begin(w.v.fs, EXT4_DIR_BLOCKS), 0);
	image_memory_left = memory_to_add;
	r = ext4_dir_add(w.v.fs, &dir, name, len, w.file, EXT4_TYPE_FILE);
	image_memory_left = ~0ull;
	if (r == 0)
		count_links(1);
	r = ext4_end(w.v.fs, r);
	ext4_inode_put(w.v.fs, &dir);
	if (r == 0) {
		w.in[i] = true;
		w.there++;
	}
	return r;
}

static int take(u32 i)
{
	struct ext4_iref dir = volume_inode(&w.v, "d");
	char name[EXT4_NAME_MAX + 1];
	size_t len = name_of(i, name);
	int r;

	assert_int_equal(ext4_begin(w.v.fs, EXT4_DIR_BLOCKS), 0);
	r = ext4_dir_remove(w.v.fs, &dir, name, len);
	if (r == 0)
		count_links(-1);
	r = ext4_end(w.v.fs, r);
	ext4_inode_put(w.v.fs, &dir);
	if (r == 0) {
		w.in[i] = false;
		w.there--;
	}
	return r;
}

static int find(u32 i)
{
	struct ext4_iref dir = volume_inode(&w.v, "d");
	char name[EXT4_NAME_MAX + 1];
	size_t len = name_of(i, name);
	struct ext4_found found;
	int r = ext4_dir_find(w.v.fs, &dir, name, len, &found);

	ext4_inode_put(w.v.fs, &dir);
	if (r == 0) {
		assert_int_equal(found.ino, w.file);
		assert_int_equal(found.type, EXT4_TYPE_FILE);
	}
	return r;
}

static void world_make(const struct kind *k, u32 megabytes, u32 names, u32 longest)
{
	u32 ino;

	w = (struct world){ .kind = k, .count = names, .shortest = 6, .longest = longest };
	volume_make(&w.v, k, megabytes, 64, "");
	assert_int_equal(ext4_create(w.v.fs, "file", false, &w.file), 0);
	assert_int_equal(ext4_create(w.v.fs, "d", true, &ino), 0);
}

static void all_are_found_or_not(void)
{
	for (u32 i = 0; i < w.count; i++)
		assert_int_equal(find(i), w.in[i] ? 0 : -ENOENT);
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
		(void)name_of(i, name);
		assert_string_equal(last + 1, name);
		assert_true(w.in[i] && !seen[i]);
		seen[i] = true;
		count++;
	}
	fclose(f);
	assert_int_equal(count, w.there);
}

/* Our own listing: every one that is in @must, and none twice. */
static void listed(const bool *must)
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
		(void)name_of(i, right);
		assert_string_equal(name, right);
		assert_false(seen[i]);
		seen[i] = true;
	}
	assert_int_equal(r, 0);
	assert_int_equal(dots, 2);
	assert_memory_equal(seen, must, w.count * sizeof(*must));
	ext4_inode_put(w.v.fs, &dir);
}

static void compare_all(void)
{
	struct ext4_iref dir = volume_inode(&w.v, "d");

	assert_int_equal(ext4_dir_is_empty(w.v.fs, &dir), w.there == 0);
	ext4_inode_put(w.v.fs, &dir);
	volume_check(&w.v);
	others_list_the_same();
	all_are_found_or_not();
	listed(w.in);
}

/* Every one that is not @there yet, in some order. */
static void change_many(bool there, u32 how_many)
{
	u32 i = random_below(w.count);

	for (u32 n = 0; n < how_many; n++) {
		while (w.in[i] == there)
			i = (i + 7919) % w.count;
		assert_int_equal(there ? add(i) : take(i), 0);
		i = (i + random_below(w.count)) % w.count;
	}
}

static u32 levels_of(u32 *root_count)
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

static void names_come_and_go(void **state)
{
	static const struct {
		u32 names, longest;
	} sizes[ARRAY_SIZE(kinds)] = { { 24000, 40 }, { 20000, 250 }, { 20000, 40 }, { 20000, 250 },
		{ 1500, 40 }, { 1500, 60 } };

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		u32 names = sizes[k].names, root;

		world_make(&kinds[k], 24, names, sizes[k].longest);
		compare_all();
		change_many(true, 3);
		compare_all();
		change_many(true, names / 50);
		compare_all();
		change_many(true, names - w.there);
		compare_all();
		/* Splits of leaves, of the root, and of a node below it have happened. */
		assert_int_equal(levels_of(&root), kinds[k].index ? 2 : 0);
		assert_true(!kinds[k].index || root >= 2);
		change_many(false, names / 2);
		compare_all();
		change_many(true, names / 4);
		compare_all();
		change_many(false, w.there);
		compare_all();
		volume_free(&w.v);
	}
}

static void signed_or_not(void **state)
{
	(void)state;
	for (u32 flags = 1; flags <= 2; flags++) {
		u32 root;

		world_make(&kinds[0], 8, 600, 40);
		volume_check(&w.v);
		volume_free(&w.v);
		assert_int_equal(image_command("debugfs -w -R 'set_super_value flags %u' %s/image",
					 flags, image_folder()),
			0);
		volume_load(&w.v, false);
		assert_int_equal(w.v.fs->hash_unsigned, flags == 2);
		for (u32 i = 0; i < 300; i++) {
			struct ext4_iref dir = volume_inode(&w.v, "d");
			char name[32];

			snprintf(name, sizeof(name), "\xe4\xf6\xfc%u\xff", i);
			assert_int_equal(ext4_begin(w.v.fs, EXT4_DIR_BLOCKS), 0);
			assert_int_equal(ext4_dir_add(w.v.fs, &dir, name, strlen(name), w.file,
						 EXT4_TYPE_FILE),
				0);
			count_links(1);
			assert_int_equal(ext4_end(w.v.fs, 0), 0);
			ext4_inode_put(w.v.fs, &dir);
		}
		assert_int_equal(levels_of(&root), 1);
		volume_check(&w.v);
		volume_free(&w.v);
	}
}

/* Until the index has no room: what failed changed nothing. */
static void a_full_index(void **state)
{
	u32 i = 0, blocks, root;
	struct ext4_iref dir;
	int r = 0;

	(void)state;
	world_make(&kinds[0], 32, NAMES_MAX, 255);
	w.shortest = 220;
	while (r == 0 && i < w.count)
		r = add(i++);
	assert_int_equal(r, -ENOSPC);
	assert_int_equal(levels_of(&root), 2);
	assert_int_equal(root, 123);
	dir = volume_inode(&w.v, "d");
	blocks = ext4_dir_block_count(w.v.fs, &dir);
	ext4_inode_put(w.v.fs, &dir);
	assert_true(blocks > 123 * 63);
	volume_check(&w.v);
	assert_int_equal(find(i - 1), -ENOENT);
	assert_int_equal(find(i - 2), 0);
	assert_int_equal(take(i - 2), 0);
	volume_check(&w.v);
	volume_free(&w.v);
}

/* While a listing goes on, names come and go: those that stay are seen once. */
static void listings_go_on(void **state)
{
	static bool stays[NAMES_MAX], seen[NAMES_MAX];
	char name[EXT4_NAME_MAX + 1];
	struct ext4_found found;

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		u64 position = 0;
		int r;

		world_make(&kinds[k], 16, 2000, 50);
		/* Few: in one block, which soon becomes a hashed directory or two. */
		change_many(true, 12);
		memcpy(stays, w.in, sizeof(stays));
		memset(seen, 0, sizeof(seen));
		do {
			struct ext4_iref dir = volume_inode(&w.v, "d");

			r = ext4_dir_next(w.v.fs, &dir, &position, name, &found);
			ext4_inode_put(w.v.fs, &dir);
			if (r == 1 && name[0] != '.') {
				/* What goes and comes again may be seen again. */
				assert_false(stays[atoi(name)] && seen[atoi(name)]);
				seen[atoi(name)] = true;
			}
			for (u32 n = 0; n < 40 && w.there < 1500; n++)
				change_many(true, 1);
			for (u32 n = 0; n < 20; n++) {
				u32 i = random_below(w.count);

				if (w.in[i] && !stays[i])
					assert_int_equal(take(i), 0);
			}
		} while (r == 1);
		assert_int_equal(r, 0);
		for (u32 i = 0; i < w.count; i++)
			assert_true(!stays[i] || seen[i]);
		volume_check(&w.v);
		volume_free(&w.v);
	}
}

/* What mke2fs made: a large directory without an index. */
static void directories_of_others(void **state)
{
	(void)state;
	assert_int_equal(
		image_command("cd %s && mkdir tree tree/d && touch tree/file && cd tree/d && "
			      "seq -f 'a-file-named-%%05g' 1 700 | xargs touch",
			image_folder()),
		0);
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		char more[128], name[EXT4_NAME_MAX + 1];
		struct ext4_found found;
		struct ext4_iref dir;
		u64 position = 0;
		u32 count = 0, ino;

		snprintf(more, sizeof(more), "-d %s/tree", image_folder());
		volume_make(&w.v, &kinds[k], 16, 2000, more);
		dir = volume_inode(&w.v, "d");
		while (ext4_dir_next(w.v.fs, &dir, &position, name, &found) == 1)
			count++;
		assert_int_equal(count, 702);
		ext4_inode_put(w.v.fs, &dir);
		assert_int_equal(ext4_look_up(w.v.fs, "d/a-file-named-00700", &ino), 0);
		assert_int_equal(ext4_look_up(w.v.fs, "d/a-file-named-00701", &ino), -ENOENT);
		assert_int_equal(ext4_remove(w.v.fs, "d/a-file-named-00333"), 0);
		assert_int_equal(ext4_create(w.v.fs, "d/another", false, &ino), 0);
		volume_check(&w.v);
		/* One that others have given an index. */
		volume_free(&w.v);
		assert_true(
			image_command("e2fsck -fyD %s/image || [ $? = 1 ]", image_folder()) == 0);
		volume_load(&w.v, false);
		dir = volume_inode(&w.v, "d");
		assert_int_equal(!!(dir.i->flags & EXT4_FL_INDEX), kinds[k].index);
		ext4_inode_put(w.v.fs, &dir);
		assert_int_equal(ext4_look_up(w.v.fs, "d/a-file-named-00700", &ino), 0);
		for (u32 i = 0; i < 300; i++) {
			snprintf(name, sizeof(name), "d/added-%u", i);
			assert_int_equal(ext4_create(w.v.fs, name, false, &ino), 0);
		}
		volume_check(&w.v);
		volume_free(&w.v);
	}
}

/* Everything that reads or changes, until it ends; its result does not matter. */
static void touch_everything(void)
{
	struct ext4_iref dir = volume_inode(&w.v, "d");
	char name[EXT4_NAME_MAX + 1];
	struct ext4_found found;
	u64 position = 0, before = 0;

	while (ext4_dir_next(w.v.fs, &dir, &position, name, &found) == 1) {
		assert_true(position > before);
		before = position;
	}
	(void)!ext4_dir_is_empty(w.v.fs, &dir);
	for (u32 i = 0; i < w.count; i += 9) {
		size_t len = name_of(i, name);

		(void)!ext4_dir_find(w.v.fs, &dir, name, len, &found);
	}
	for (u32 i = 0; i < w.count; i += 21) {
		size_t len = name_of(i, name);

		w.v.fs->read_only = false;
		assert_int_equal(ext4_begin(w.v.fs, EXT4_DIR_BLOCKS), 0);
		(void)ext4_end(w.v.fs, ext4_dir_remove(w.v.fs, &dir, name, len));
		w.v.fs->read_only = false;
		assert_int_equal(ext4_begin(w.v.fs, EXT4_DIR_BLOCKS), 0);
		name[0] = 'x';
		(void)ext4_end(
			w.v.fs, ext4_dir_add(w.v.fs, &dir, name, len, w.file, EXT4_TYPE_FILE));
	}
	ext4_inode_put(w.v.fs, &dir);
}

static u64 byte_of_block(u32 block)
{
	struct ext4_iref dir = volume_inode(&w.v, "d");
	struct ext4_buffer *b;
	u64 at;

	assert_int_equal(ext4_dir_block(w.v.fs, &dir, block, &b), 0);
	at = b->block * w.v.fs->block_size;
	ext4_buffer_put(w.v.fs, b);
	ext4_inode_put(w.v.fs, &dir);
	return at;
}

/* The first bytes of entries and of tables are hit more often than names. */
static void flip(u8 *block, u32 size)
{
	for (u32 n = 1 + random_below(3); n > 0; n--) {
		u32 at = random_below(random_below(2) ? 64 : size);

		block[at] = (u8)(random_below(3) ? random_below(256)
						 : block[at] ^ 1u << random_below(8));
	}
}

static void damage_is_survived(void **state)
{
	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		u32 size = kinds[k].block_size, count, root;
		struct image_disk good;
		struct ext4_iref dir;

		/* Long names, so that few make two levels. */
		world_make(&kinds[k], 4, kinds[k].index ? 1100 : 150, 200);
		change_many(true, w.count);
		assert_int_equal(levels_of(&root), !kinds[k].index ? 0 : size == 1024 ? 2 : 1);
		dir = volume_inode(&w.v, "d");
		count = ext4_dir_block_count(w.v.fs, &dir);
		ext4_inode_put(w.v.fs, &dir);
		volume_check(&w.v);
		good = w.v.disk;
		good.bytes = malloc(good.size);
		memcpy(good.bytes, w.v.disk.bytes, good.size);
		for (u32 n = 0; n < 90; n++) {
			/* Block 0, indexes that were made first, any other. */
			u64 at = byte_of_block(
				n % 3 == 0 ? 0
					   : random_below(n % 3 == 1 ? MIN(count, 150) : count));

			volume_free(&w.v);
			image_disk_make(&w.v.disk, good.size, 512);
			memcpy(w.v.disk.bytes, good.bytes, good.size);
			flip(w.v.disk.bytes + at, size);
			assert_int_equal(ext4_mount(&w.v.disk.d, false, &w.v.fs), 0);
			touch_everything();
			volume_free(&w.v);
			image_disk_make(&w.v.disk, good.size, 512);
			memcpy(w.v.disk.bytes, good.bytes, good.size);
			assert_int_equal(ext4_mount(&w.v.disk.d, false, &w.v.fs), 0);
		}
		free(good.bytes);
		volume_free(&w.v);
	}
}

/* With checksums, no bit of a leaf changes unseen. */
static void damage_is_seen(void **state)
{
	(void)state;
	world_make(&kinds[4], 8, 100, 40);
	change_many(true, 100);
	volume_check(&w.v);
	for (u32 n = 0; n < 100; n++) {
		u64 at;
		struct ext4_iref dir;

		volume_free(&w.v);
		volume_load(&w.v, false);
		at = byte_of_block(random_below(3)) + random_below(1024);
		if (at % 1024 >= 1012 && at % 1024 < 1020)
			continue;
		volume_free(&w.v);
		volume_load(&w.v, false);
		w.v.disk.bytes[at] ^= (u8)(1u << random_below(8));
		dir = volume_inode(&w.v, "d");
		for (u32 i = 0; i < w.count; i++) {
			char name[EXT4_NAME_MAX + 1];
			size_t len = name_of(i, name);
			struct ext4_found found;
			int r = ext4_dir_find(w.v.fs, &dir, name, len, &found);

			assert_true(r == 0 || r == -EIO);
		}
		assert_true(w.v.fs->damages > 0);
		assert_true(w.v.fs->read_only);
		assert_non_null(strstr(image_log, "checksum of directory block"));
		ext4_inode_put(w.v.fs, &dir);
	}
	volume_free(&w.v);
}

/* An index that makes no sense is said, and everything is still found. */
static void without_the_index(void **state)
{
	/* Offsets in block 0 and bytes that cannot be there. */
	static const struct {
		u32 at;
		u8 byte;
	} rows[] = { { 24, 1 }, { 28, 3 }, { 29, 9 }, { 30, 2 }, { 31, 1 }, { 32, 0x11 }, { 34, 0 },
		{ 35, 0xff }, { 38, 0x7f }, { 4, 16 }, { 16, 13 } };
	static bool in[NAMES_MAX];
	int r;

	(void)state;
	world_make(&kinds[2], 8, 400, 40);
	change_many(true, 300);
	volume_check(&w.v);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		u64 at = byte_of_block(0) + rows[i].at;

		volume_free(&w.v);
		volume_load(&w.v, false);
		assert_int_not_equal(w.v.disk.bytes[at], rows[i].byte);
		w.v.disk.bytes[at] = rows[i].byte;
		if (rows[i].at == 34)
			w.v.disk.bytes[at + 1] = 0;
		all_are_found_or_not();
		assert_true(w.v.fs->damages > 0);
		assert_true(w.v.fs->read_only);
		/* But nothing changes, not even in the operation that finds it. */
		memcpy(in, w.in, sizeof(in));
		w.v.fs->read_only = false;
		for (u32 n = 0; n < w.count && !w.v.fs->read_only; n++) {
			r = in[n] ? take(n) : 0;
			assert_int_equal(r, w.v.fs->read_only ? -EIO : 0);
		}
		memcpy(w.in, in, sizeof(in));
		assert_true(w.v.fs->read_only);
		volume_free(&w.v);
		volume_load(&w.v, false);
	}
	volume_free(&w.v);
}

/* Without memory nothing is half done. */
static void memory_runs_out(void **state)
{
	u64 left = 0;
	u32 failed = 0;

	(void)state;
	world_make(&kinds[0], 8, 2000, 40);
	for (u32 i = 0; i < w.count; i++) {
		int r;

		memory_to_add = left++ % 2;
		r = add(i);
		memory_to_add = ~0ull;
		assert_true(r == 0 || r == -ENOMEM);
		failed += r != 0;
		if (r != 0)
			assert_int_equal(add(i), 0);
	}
	assert_true(failed > 20);
	compare_all();
	volume_free(&w.v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_come_and_go),
		cmocka_unit_test(signed_or_not),
		cmocka_unit_test(a_full_index),
		cmocka_unit_test(listings_go_on),
		cmocka_unit_test(directories_of_others),
		cmocka_unit_test(damage_is_survived),
		cmocka_unit_test(damage_is_seen),
		cmocka_unit_test(without_the_index),
		cmocka_unit_test(memory_runs_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
