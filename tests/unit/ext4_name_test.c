/* SPDX-License-Identifier: MIT */
/*
 * Names behind the file layer: a table of what is allowed and refused, open
 * files, links of directories, what is damaged, a volume that is read-only.
 * sources: rootpart/ext4/ext4_dir.c rootpart/ext4/ext4_dir_list.c rootpart/ext4/ext4_hash.c
 * sources: rootpart/ext4/ext4_htree.c rootpart/ext4/ext4_htree_add.c rootpart/ext4/ext4_name.c
 * sources: rootpart/ext4/ext4_vfs.c tests/unit/image_disk.c
 * sources: rootpart/ext4/ext4_map.c
 * sources: rootpart/vfs.c rootpart/path.c lib/string.c lib/format.c
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
#include "tests/unit/ext4_dir_machine.h"

static struct volume v;
/* The mount table only grows: one place, whatever is there. */
static struct ext4 *mounted;

static int stat_there(void *fs, const char *path, struct vfs_stat *stat)
{
	return ext4_vfs_ops.stat(*(struct ext4 **)fs, path, stat);
}

static int open_there(void *fs, const char *path, struct vfs_file *file)
{
	file->ops = &ext4_vfs_ops;
	file->fs = *(struct ext4 **)fs;
	return ext4_vfs_ops.open(file->fs, path, file);
}

static int readdir_there(void *fs, const char *path, u64 *position, struct vfs_entry *entry)
{
	return ext4_vfs_ops.readdir(*(struct ext4 **)fs, path, position, entry);
}

static int mkdir_there(void *fs, const char *path)
{
	return ext4_vfs_ops.mkdir(*(struct ext4 **)fs, path);
}

static int remove_there(void *fs, const char *path)
{
	return ext4_vfs_ops.remove(*(struct ext4 **)fs, path);
}

static int rename_there(void *fs, const char *from, const char *to)
{
	return ext4_vfs_ops.rename(*(struct ext4 **)fs, from, to);
}

static int statfs_there(void *fs, struct vfs_statfs *out)
{
	return ext4_vfs_ops.statfs(*(struct ext4 **)fs, out);
}

static s64 never_write(struct vfs_file *file, const void *buf, size_t len)
{
	(void)file;
	(void)buf;
	(void)len;
	return -EIO;
}

static const struct vfs_ops there = {
	.stat = stat_there,
	.open = open_there,
	.write = never_write,
	.readdir = readdir_there,
	.mkdir = mkdir_there,
	.remove = remove_there,
	.rename = rename_there,
	.statfs = statfs_there,
};

static int mount_all(void **state)
{
	(void)state;
	return vfs_mount("/m", &there, &mounted);
}

static void make(const struct kind *k, const char *more)
{
	volume_make(&v, k, 8, 512, more);
	mounted = v.fs;
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

/* 'm' mkdir, 'r' remove, 'f' make a file, 'c' open to create it, 'o' open for reading, 'n' rename. */
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

#define LONG                                                                     \
	"0123456789012345678901234567890123456789012345678901234567890123456789" \
	"0123456789012345678901234567890123456789012345678901234567890123456789" \
	"0123456789012345678901234567890123456789012345678901234567890123456789" \
	"012345678901234567890123456789012345678901234"

static const struct row {
	char what;
	const char *path, *to;
	int result;
} changes[] = {
	{ 'm', "/m", 0, -EEXIST },
	{ 'm', "/m/d", 0, 0 },
	{ 'm', "/m/d", 0, -EEXIST },
	{ 'm', "/m/x/y", 0, -ENOENT },
	{ 'f', "/m/d/f", 0, 0 },
	{ 'm', "/m/d/f", 0, -EEXIST },
	{ 'm', "/m/d/f/g", 0, -ENOTDIR },
	{ 'f', "/m/d/f/g", 0, -ENOTDIR },
	{ 'f', "/m/d", 0, -EISDIR },
	{ 'f', "/m/x/f", 0, -ENOENT },
	{ 'c', "/m/d/f", 0, 0 },
	{ 'o', "/m/d/g", 0, -ENOENT },
	{ 'o', "/m/d", 0, -EISDIR },
	{ 'r', "/m/d", 0, -ENOTEMPTY },
	{ 'r', "/m/d/g", 0, -ENOENT },
	{ 'r', "/m/d/f/g", 0, -ENOTDIR },
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
	/* A longer name, a shorter one, the same directory. */
	{ 'n', "/m/f", "/m/f-with-a-longer-name", 0 },
	{ 'n', "/m/f-with-a-longer-name", "/m/f", 0 },
	{ 'f', "/m/" LONG, 0, 0 },
	{ 'o', "/m/" LONG, 0, 0 },
	{ 'n', "/m/" LONG, "/m/g", 0 },
	{ 'o', "/m/" LONG, 0, -ENOENT },
	/* A file on a file, in the same directory and another. */
	{ 'n', "/m/g", "/m/f", 0 },
	{ 'o', "/m/g", 0, -ENOENT },
	{ 'n', "/m/f", "/m/d/f", 0 },
	{ 'o', "/m/f", 0, -ENOENT },
	/* A directory on an empty one, in the same directory. */
	{ 'n', "/m/d", "/m/e", 0 },
	{ 'o', "/m/e/f", 0, 0 },
	{ 'o', "/m/d", 0, -ENOENT },
	/* Directories that change their parents: down, onto an empty one, up. */
	{ 'm', "/m/p", 0, 0 },
	{ 'n', "/m/e", "/m/p/e", 0 },
	{ 'm', "/m/q", 0, 0 },
	{ 'm', "/m/q/r", 0, 0 },
	{ 'm', "/m/q/r/s", 0, 0 },
	{ 'n', "/m/p/e", "/m/q/r/s", 0 },
	{ 'o', "/m/q/r/s/f", 0, 0 },
	{ 'n', "/m/q", "/m/q/r/s/t", -EINVAL },
	{ 'n', "/m/q/r", "/m/p", 0 },
	{ 'o', "/m/p/s/f", 0, 0 },
	{ 'n', "/m/p/s", "/m/s", 0 },
	{ 'r', "/m/q", 0, 0 },
	{ 'r', "/m/p", 0, 0 },
	{ 'r', "/m/s", 0, -ENOTEMPTY },
	{ 'r', "/m/s/f", 0, 0 },
	{ 'r', "/m/s", 0, 0 },
	{ 'r', "/m/lost+found", 0, 0 },
};

static void free_counts(u64 *blocks, u64 *inodes)
{
	struct ext4_info info;

	ext4_info_get(v.fs, &info);
	*blocks = info.free_blocks;
	*inodes = info.free_inodes;
}

static void what_is_refused(void **state)
{
	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		u64 blocks, inodes, blocks_after, inodes_after;
		struct vfs_entry entry;
		u64 position = 0;

		make(&kinds[k], "");
		free_counts(&blocks, &inodes);
		for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
			const struct row *c = &changes[i];
			int r = change(c->what, c->path, c->to);

			if (r != c->result)
				fail_msg("row %zu: %d instead of %d", i, r, c->result);
			volume_check(&v);
		}
		/* All is back, and what mke2fs had put there, too. */
		free_counts(&blocks_after, &inodes_after);
		assert_int_equal(inodes_after, inodes + 1);
		assert_true(blocks_after > blocks);
		assert_int_equal(ext4_vfs_ops.readdir(v.fs, "", &position, &entry), 0);
		volume_free(&v);
	}
}

static void names_that_are_too_long(void **state)
{
	u32 ino;

	(void)state;
	make(&kinds[0], "");
	assert_int_equal(ext4_create(v.fs, LONG "x", false, &ino), -ENAMETOOLONG);
	assert_int_equal(ext4_create(v.fs, LONG "x/y", false, &ino), -ENAMETOOLONG);
	assert_int_equal(ext4_look_up(v.fs, LONG "x", &ino), -ENAMETOOLONG);
	volume_check(&v);
	volume_free(&v);
}

/* Whoever has a file open keeps it as it is; meanwhile it is an orphan. */
static void open_files_outlive_their_names(void **state)
{
	struct vfs_file file, again;
	u64 blocks, inodes, blocks_now, inodes_now;
	char text[8] = "";
	struct ext4_buffer *b;
	struct ext4_super *s;

	(void)state;
	make(&kinds[1], "");
	free_counts(&blocks, &inodes);
	assert_int_equal(put_file("/m/a", "old"), 0);
	assert_int_equal(put_file("/m/b", "newer"), 0);
	assert_int_equal(vfs_open("/m/a", VFS_READ, &file), 0);
	assert_int_equal(vfs_open("/m/a", VFS_READ, &again), 0);
	assert_ptr_equal(file.node, again.node);
	assert_int_equal(vfs_rename("/m/b", "/m/a"), 0);
	assert_string_equal(get_file("/m/a"), "newer");
	assert_int_equal(ext4_super_get(v.fs, &b, &s), 0);
	assert_int_equal(s->last_orphan, ((struct ext4_node *)file.node)->ino);
	vfs_close(&again);
	assert_int_equal(vfs_read(&file, text, sizeof(text)), 3);
	assert_string_equal(text, "old");
	assert_int_not_equal(s->last_orphan, 0);
	vfs_close(&file);
	assert_int_equal(s->last_orphan, 0);
	volume_check(&v);
	assert_int_equal(vfs_open("/m/a", VFS_WRITE, &file), 0);
	assert_int_equal(vfs_remove("/m/a"), 0);
	assert_int_not_equal(s->last_orphan, 0);
	ext4_buffer_put(v.fs, b);
	/* Another of that name is another one. */
	assert_int_equal(put_file("/m/a", "third"), 0);
	assert_int_equal(vfs_write(&file, "x", 1), 1);
	file.offset = 0;
	assert_int_equal(vfs_read(&file, text, sizeof(text)), 5);
	assert_memory_equal(text, "xewer", 5);
	vfs_close(&file);
	assert_string_equal(get_file("/m/a"), "third");
	assert_int_equal(vfs_remove("/m/a"), 0);
	volume_check(&v);
	free_counts(&blocks_now, &inodes_now);
	assert_int_equal(blocks_now, blocks);
	assert_int_equal(inodes_now, inodes);
	assert_true(list_empty(&v.fs->nodes));
	volume_free(&v);
}

static void files_are_opened_as_asked(void **state)
{
	struct vfs_file file;
	struct vfs_stat stat;
	struct vfs_statfs about;
	u64 flushes;

	(void)state;
	make(&kinds[0], "");
	assert_int_equal(put_file("/m/f", "something"), 0);
	assert_int_equal(vfs_stat("/m/f", &stat), 0);
	assert_int_equal(stat.type, VFS_FILE);
	assert_int_equal(stat.size, 9);
	assert_int_equal(stat.mtime, 1767225600);
	assert_int_equal(put_file("/m/f", "less"), 0);
	assert_string_equal(get_file("/m/f"), "less");
	assert_int_equal(vfs_open("/m/f", VFS_READ, &file), 0);
	assert_int_equal(vfs_truncate(&file, 0), -EBADF);
	assert_int_equal(vfs_allocate(&file, 0, 1), -EBADF);
	vfs_close(&file);
	assert_int_equal(vfs_open("/m/f", VFS_WRITE, &file), 0);
	assert_int_equal(vfs_allocate(&file, 1, 0), -EINVAL);
	assert_int_equal(vfs_allocate(&file, 2, ~0ull - 1), -EINVAL);
	assert_int_equal(vfs_allocate(&file, 100, 200), 0);
	assert_int_equal(vfs_stat("/m/f", &stat), 0);
	assert_int_equal(stat.size, 300);
	assert_int_equal(vfs_truncate(&file, 0), 0);
	flushes = v.disk.flushes;
	assert_int_equal(vfs_sync(&file), 0);
	assert_true(v.disk.flushes > flushes);
	vfs_close(&file);
	assert_string_equal(get_file("/m/f"), "");
	assert_int_equal(vfs_statfs("/m/f", &about), 0);
	assert_int_equal(about.block_size, 1024);
	assert_int_equal(about.blocks, 8192);
	assert_true(about.free_blocks > 6000 && about.free_blocks < 8192);
	assert_string_equal(about.label, "store");
	assert_false(about.read_only);
	/* Creating needs writing. */
	assert_int_equal(vfs_open("/m/new", VFS_READ | VFS_CREATE, &file), -ENOENT);
	volume_check(&v);
	volume_free(&v);
}

/* Links of a directory are counted up to 65,000; then it is one. */
static void many_directories(void **state)
{
	static const struct {
		u16 before;
		int result;
		u16 after;
	} rows[] = { { 2, 0, 3 }, { 64999, 0, 65000 }, { 65000, 0, 1 }, { 1, 0, 1 } };

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(rows); i++) {
		bool many = i < ARRAY_SIZE(rows);
		size_t n = i % ARRAY_SIZE(rows);
		struct ext4_iref ref;

		make(&kinds[0], "");
		if (!many)
			v.fs->feature_ro_compat &= (u32)~EXT4_RO_DIR_NLINK;
		assert_int_equal(vfs_mkdir("/m/d"), 0);
		ref = volume_inode(&v, "d");
		assert_int_equal(ext4_begin(v.fs, 1), 0);
		assert_int_equal(ext4_inode_change(v.fs, &ref), 0);
		ref.i->links_count = rows[n].before;
		ext4_inode_seal(v.fs, &ref);
		assert_int_equal(ext4_end(v.fs, 0), 0);
		if (!many && rows[n].before == 65000) {
			assert_int_equal(vfs_mkdir("/m/d/e"), -EMLINK);
			assert_int_equal(ref.i->links_count, 65000);
		} else if (many || rows[n].before > 1) {
			assert_int_equal(vfs_mkdir("/m/d/e"), 0);
			assert_int_equal(ref.i->links_count, rows[n].after);
			assert_int_equal(vfs_remove("/m/d/e"), 0);
			/* From one it does not come back. */
			assert_int_equal(
				ref.i->links_count, rows[n].after == 1 ? 1 : rows[n].before);
		}
		ext4_inode_put(v.fs, &ref);
		volume_free(&v);
	}
}

/* Not followed, not opened, but listed, renamed and removed; files with two names. */
static void what_others_have(void **state)
{
	struct vfs_file file;
	struct vfs_stat stat;
	char more[128];

	(void)state;
	assert_int_equal(image_command("cd %s && mkdir tree tree/d && ln -s d tree/link && "
				       "echo hello >tree/d/f && ln tree/d/f tree/g && "
				       "mkfifo tree/pipe",
				 image_folder()),
		0);
	snprintf(more, sizeof(more), "-d %s/tree", image_folder());
	make(&kinds[0], more);
	assert_int_equal(vfs_stat("/m/link", &stat), 0);
	assert_int_equal(stat.type, VFS_FILE);
	assert_int_equal(vfs_stat("/m/link/f", &stat), -ELOOP);
	assert_int_equal(vfs_open("/m/link", VFS_READ, &file), -ELOOP);
	assert_int_equal(vfs_open("/m/pipe", VFS_READ, &file), -ENOTSUP);
	assert_int_equal(vfs_rename("/m/link", "/m/d/link2"), 0);
	volume_check(&v);
	assert_int_equal(image_command("debugfs -R 'stat /d/link2' %s/image | grep -q symlink",
				 image_folder()),
		0);
	assert_int_equal(vfs_remove("/m/d/link2"), 0);
	/* Both are names of one file: nothing happens. */
	assert_int_equal(vfs_rename("/m/g", "/m/d/f"), 0);
	assert_string_equal(get_file("/m/g"), "hello\n");
	assert_int_equal(vfs_remove("/m/d/f"), 0);
	assert_string_equal(get_file("/m/g"), "hello\n");
	volume_check(&v);
	assert_int_equal(vfs_remove("/m/g"), 0);
	volume_check(&v);
	volume_free(&v);
}

static void what_may_not_be_changed(void **state)
{
	struct vfs_file file;

	(void)state;
	make(&kinds[0], "");
	assert_int_equal(put_file("/m/f", "x"), 0);
	assert_int_equal(put_file("/m/g", "y"), 0);
	assert_int_equal(vfs_mkdir("/m/d"), 0);
	assert_int_equal(put_file("/m/d/h", "z"), 0);
	volume_check(&v);
	volume_free(&v);
	assert_int_equal(
		image_command("debugfs -w -R 'set_inode_field f flags 0x80010' %s/image && "
			      "debugfs -w -R 'set_inode_field d flags 0x80020' %s/image",
			image_folder(), image_folder()),
		0);
	volume_load(&v, false);
	mounted = v.fs;
	assert_int_equal(vfs_remove("/m/f"), -EPERM);
	assert_int_equal(vfs_rename("/m/f", "/m/i"), -EPERM);
	assert_int_equal(vfs_rename("/m/g", "/m/f"), -EPERM);
	assert_int_equal(vfs_open("/m/f", VFS_WRITE, &file), -EPERM);
	assert_string_equal(get_file("/m/f"), "x");
	assert_int_equal(vfs_remove("/m/d/h"), -EPERM);
	assert_int_equal(vfs_mkdir("/m/d/i"), -EPERM);
	assert_int_equal(vfs_rename("/m/g", "/m/d/g"), -EPERM);
	volume_check(&v);
	volume_free(&v);
}

static void read_only_volumes(void **state)
{
	struct vfs_file file;
	u64 writes;

	(void)state;
	make(&kinds[0], "");
	assert_int_equal(put_file("/m/f", "text"), 0);
	assert_int_equal(vfs_mkdir("/m/d"), 0);
	assert_int_equal(vfs_open("/m/f", VFS_WRITE, &file), 0);
	volume_check(&v);
	v.fs->read_only = true;
	writes = v.disk.writes;
	assert_int_equal(vfs_write(&file, "x", 1), -EROFS);
	assert_int_equal(vfs_truncate(&file, 0), -EROFS);
	assert_int_equal(vfs_allocate(&file, 0, 100), -EROFS);
	vfs_close(&file);
	assert_int_equal(vfs_open("/m/f", VFS_WRITE | VFS_TRUNCATE, &file), -EROFS);
	assert_int_equal(vfs_open("/m/new", VFS_WRITE | VFS_CREATE, &file), -EROFS);
	assert_int_equal(vfs_mkdir("/m/e"), -EROFS);
	assert_int_equal(vfs_remove("/m/f"), -EROFS);
	assert_int_equal(vfs_remove("/m/d"), -EROFS);
	assert_int_equal(vfs_rename("/m/f", "/m/g"), -EROFS);
	assert_string_equal(get_file("/m/f"), "text");
	assert_int_equal(v.disk.writes, writes);
	assert_true(list_empty(&v.fs->nodes));
	volume_check(&v);
	volume_free(&v);
}

/* Entries that lead where nothing leads: without checksums, so that others do not see it first. */
static void entries_that_lead_astray(void **state)
{
	/* The journal's, the root, a free one. */
	static const u32 inodes[] = { 8, 2, 200 };
	struct vfs_file file;
	struct vfs_stat stat;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(inodes); i++) {
		struct ext4_iref dir;

		make(&kinds[3], "");
		assert_int_equal(vfs_mkdir("/m/d"), 0);
		assert_int_equal(put_file("/m/d/f", "x"), 0);
		dir = volume_inode(&v, "d");
		assert_int_equal(ext4_begin(v.fs, EXT4_DIR_BLOCKS), 0);
		assert_int_equal(ext4_dir_set(v.fs, &dir, "f", 1, inodes[i], EXT4_TYPE_FILE), 0);
		assert_int_equal(ext4_end(v.fs, 0), 0);
		ext4_inode_put(v.fs, &dir);
		assert_int_equal(vfs_remove("/m/d/f"), -EIO);
		assert_int_equal(v.fs->damages, 1);
		assert_true(v.fs->read_only);
		assert_int_equal(vfs_open("/m/d/f", VFS_READ, &file), -EIO);
		(void)!vfs_stat("/m/d/f/d", &stat);
		assert_int_equal(vfs_rename("/m/d/f", "/m/g"), -EIO);
		assert_int_equal(vfs_rename("/m/d", "/m/d2"), -EROFS);
		volume_free(&v);
	}
}

/* A directory in itself: no walk and no removal goes round. */
static void a_directory_in_itself(void **state)
{
	struct ext4_iref dir;

	(void)state;
	make(&kinds[3], "");
	assert_int_equal(vfs_mkdir("/m/d"), 0);
	assert_int_equal(vfs_mkdir("/m/d/e"), 0);
	dir = volume_inode(&v, "d/e");
	assert_int_equal(ext4_begin(v.fs, EXT4_DIR_BLOCKS), 0);
	assert_int_equal(
		ext4_dir_add(v.fs, &dir, "up", 2, volume_inode(&v, "d").ino, EXT4_TYPE_DIR), 0);
	assert_int_equal(ext4_end(v.fs, 0), 0);
	ext4_buffer_put(v.fs, dir.b); /* the other one's */
	ext4_inode_put(v.fs, &dir);
	assert_int_equal(ext4_rename(v.fs, "d", "d/e/x"), -EINVAL);
	assert_int_equal(ext4_rename(v.fs, "d/e", "d/e/up/e/y"), -EINVAL);
	assert_int_equal(ext4_remove(v.fs, "d/e/up"), -ENOTEMPTY);
	volume_free(&v);
}

/* Random operations on a small tree, beside what should be there: files' texts, directories. */
static void a_random_tree(void **state)
{
	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		make(&kinds[k], "");
		for (u32 n = 0; n < 3000; n++) {
			static const char *const tops[] = { "/m/", "/m/a/", "/m/b/", "/m/a/c/" };
			char one[64], two[64];
			struct vfs_stat before, after;
			int was, r;

			snprintf(one, sizeof(one), "%s%c", tops[random_below(4)],
				'a' + random_below(6));
			snprintf(two, sizeof(two), "%s%c", tops[random_below(4)],
				'a' + random_below(6));
			was = vfs_stat(one, &before);
			switch (random_below(4)) {
			case 0:
				r = vfs_mkdir(one);
				assert_true(
					was == 0 ? r == -EEXIST : r == (was == -ENOENT ? r : was));
				if (r == 0)
					assert_int_equal(vfs_stat(one, &after), 0);
				break;
			case 1:
				r = put_file(one, two);
				assert_int_equal(
					r == 0, was == 0 ? before.type == VFS_FILE : r == 0);
				if (r == 0)
					assert_string_equal(get_file(one), two);
				break;
			case 2:
				r = vfs_remove(one);
				assert_true(was != 0 ? r == was : r == 0 || r == -ENOTEMPTY);
				if (r == 0)
					assert_int_equal(vfs_stat(one, &after), -ENOENT);
				break;
			default:
				r = vfs_rename(one, two);
				if (r == 0 && strcmp(one, two) != 0) {
					assert_int_equal(vfs_stat(one, &after), -ENOENT);
					assert_int_equal(vfs_stat(two, &after), 0);
					assert_int_equal(after.type, before.type);
					assert_int_equal(after.size, before.size);
				}
			}
			if (n % 100 == 0)
				volume_check(&v);
		}
		volume_check(&v);
		volume_free(&v);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_refused),
		cmocka_unit_test(names_that_are_too_long),
		cmocka_unit_test(open_files_outlive_their_names),
		cmocka_unit_test(files_are_opened_as_asked),
		cmocka_unit_test(many_directories),
		cmocka_unit_test(what_others_have),
		cmocka_unit_test(what_may_not_be_changed),
		cmocka_unit_test(read_only_volumes),
		cmocka_unit_test(entries_that_lead_astray),
		cmocka_unit_test(a_directory_in_itself),
		cmocka_unit_test(a_random_tree),
	};

	return cmocka_run_group_tests(tests, mount_all, NULL);
}
