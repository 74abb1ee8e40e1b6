/* SPDX-License-Identifier: MIT */
/*
 * Directories: many names in random order, so that leaves and indexes split;
 * listings that go on meanwhile.
 * sources: rootpart/ext4/ext4_dir.c rootpart/ext4/ext4_dir_list.c rootpart/ext4/ext4_hash.c
 * sources: rootpart/ext4/ext4_htree.c rootpart/ext4/ext4_htree_add.c rootpart/ext4/ext4_name.c
 * sources: rootpart/ext4/ext4_vfs.c tests/unit/ext4_dir_world.c
 * sources: rootpart/ext4/ext4_map.c
 * sources: tests/unit/image_disk.c
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
#include "tests/unit/ext4_dir_world.h"

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
		world_compare();
		world_change(true, 3);
		world_compare();
		world_change(true, names / 50);
		world_compare();
		world_change(true, names - w.there);
		world_compare();
		/* Splits of leaves, of the root, and of a node below it have happened. */
		assert_int_equal(world_levels(&root), kinds[k].index ? 2 : 0);
		assert_true(!kinds[k].index || root >= 2);
		world_change(false, names / 2);
		world_compare();
		world_change(true, names / 4);
		world_compare();
		world_change(false, w.there);
		world_compare();
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
			world_links(1);
			assert_int_equal(ext4_end(w.v.fs, 0), 0);
			ext4_inode_put(w.v.fs, &dir);
		}
		assert_int_equal(world_levels(&root), 1);
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
		r = world_add(i++);
	assert_int_equal(r, -ENOSPC);
	assert_int_equal(world_levels(&root), 2);
	assert_int_equal(root, 123);
	dir = volume_inode(&w.v, "d");
	blocks = ext4_dir_block_count(w.v.fs, &dir);
	ext4_inode_put(w.v.fs, &dir);
	assert_true(blocks > 123 * 63);
	volume_check(&w.v);
	assert_int_equal(world_find(i - 1), -ENOENT);
	assert_int_equal(world_find(i - 2), 0);
	assert_int_equal(world_take(i - 2), 0);
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
		world_change(true, 12);
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
				world_change(true, 1);
			for (u32 n = 0; n < 20; n++) {
				u32 i = random_below(w.count);

				if (w.in[i] && !stays[i])
					assert_int_equal(world_take(i), 0);
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

/* Without memory nothing is half done. */
static void memory_runs_out(void **state)
{
	u64 left = 0;
	u32 failed = 0;

	(void)state;
	world_make(&kinds[0], 8, 2000, 40);
	for (u32 i = 0; i < w.count; i++) {
		int r;

		world_memory = left++ % 2;
		r = world_add(i);
		world_memory = ~0ull;
		assert_true(r == 0 || r == -ENOMEM);
		failed += r != 0;
		if (r != 0)
			assert_int_equal(world_add(i), 0);
	}
	assert_true(failed > 20);
	world_compare();
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
		cmocka_unit_test(memory_runs_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
