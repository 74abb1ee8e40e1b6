/* SPDX-License-Identifier: MIT */
/*
 * What the files of this folder share.
 *
 * One mutex per volume, held by every entry point for all of its time. All state of
 * the volume's metadata is in its blocks, which are cached as buffers; an operation
 * changes buffers between ext4_begin() and ext4_end(), and one that fails has them
 * put back as they were. So nothing is half done, in memory or on the medium.
 *
 * Layers, each calling only those above it in this list:
 *   buffer   blocks of metadata, read once and kept (ext4_buffer.c)
 *   journal  operations, transactions, replay (ext4_journal.c, ext4_commit.c, ext4_replay.c;
 *            what they share with the buffers is in ext4_journal.h)
 *   super    superblock, features, errors (ext4_super.c, ext4_mount.c); groups (ext4_group.c)
 *   alloc    blocks and inodes, bitmaps (ext4_alloc.c, ext4_ialloc.c)
 *   inode    inodes, their checksums and times (ext4_inode.c); orphans (ext4_orphan.c)
 *   extent   which blocks a file has (ext4_extent.c, ext4_extent_change.c)
 *   data     reading, writing, truncating, allocating files (ext4_file.c, ext4_truncate.c);
 *            where they lie, for others to read and write (ext4_map.c)
 *   dir      entries of directories (ext4_dir.c), hashed ones (ext4_htree.c, ext4_hash.c)
 *   name     paths, create, remove, rename (ext4_name.c); the file layer's calls (ext4_vfs.c)
 *
 * What the medium says is hostile: every number is checked where it is read, and
 * what makes no sense is ext4_damaged().
 */
#pragma once

#include "lib/list.h"
#include "rootpart/ext4/ext4.h"
#include "rootpart/ext4/ext4_format.h"
#include "rootpart/mutex.h"

struct block_device;

/* A block of metadata. The volume's lock. */
struct ext4_buffer {
	u64 block;
	u8 *data;     /* the volume's block size, in the direct map */
	u32 refs;     /* one that is dirty or running is kept without, too */
	bool dirty;   /* committed, or to be, and not at its place yet */
	bool running; /* changed by the running transaction */
	bool fresh;   /* new in this operation and never read: gone if that fails */
	u64 intact;   /* ext4_is_intact()'s key; 0: not looked at since it was read */
	u8 *before;   /* what it was before this operation changed it, NULL: it did not */
	struct list_node hash;
	struct list_node lru; /* of those that nobody has and that are not dirty */
	struct list_node dirty_link;
	struct list_node running_link;
	struct list_node operation_link;
};

struct ext4_journal; /* ext4_journal.c's; NULL in struct ext4: the volume has none */
struct ext4_cache;   /* ext4_buffer.c's */

/* A file or directory that somebody has open, or that an operation works on. */
struct ext4_node {
	struct ext4 *fs;
	u32 ino;
	u32 opens;
	u32 writers; /* of them, those that may write */
	u32 maps; /* of them, those that know where its blocks lie: nobody else writes, cuts, removes it */
	bool removed; /* its last name has gone; freed when the last one closes it */
	struct list_node link;
};

#define EXT4_FREED_MAX 64u

struct ext4 {
	struct block_device *device;
	struct mutex lock; /* of all below, where it changes */
	struct ext4_cache *cache;
	struct ext4_journal *journal;

	/* From the superblock; constant. */
	u32 block_size;
	u32 block_bits;
	u64 blocks;
	u32 first_data_block;
	u32 blocks_per_group;
	u32 inodes_per_group;
	u32 inodes;
	u32 inode_size;
	u32 group_count;
	u32 desc_size; /* of a group's descriptor */
	u32 first_ino;
	u32 feature_compat, feature_incompat, feature_ro_compat; /* as mounted */
	u32 seed;                                                /* of checksums */
	u32 hash_seed[4];
	bool hash_unsigned;
	bool checksums;   /* METADATA_CSUM */
	u64 super_block;  /* the block that the superblock lies in, */
	u32 super_offset; /* and where in it */

	/* From it too; for the parts that deal in space. Constant. */
	u64 reserved;     /* blocks that only trees of extents get */
	u32 table_blocks; /* of a group's inodes */
	u32 descriptor_blocks;
	u32 reserved_descriptor_blocks;
	u32 flex_groups;      /* whose metadata lies together */
	u32 backup_groups[2]; /* with SPARSE_SUPER2 */
	u16 extra_isize;      /* of new inodes */
	u32 orphan_ino;       /* the orphan file's; 0: there is none */

	bool read_only;
	const char *why;                /* it is */
	bool writing;                   /* mounted for writing, whatever came later */
	bool uncommitted;               /* something was changed behind the last commit */
	void (*changed)(void *context); /* NULL: nobody is to hear of that */
	void *changed_context;
	u32 damages; /* that were found */
	u32 group_hint;
	u32 directory_hint;
	u32 orphan_blocks; /* of the orphan file: those behind it are empty */
	/* Freed, and perhaps not committed: given out again only later. */
	struct ext4_freed {
		u64 first, count;
	} freed[EXT4_FREED_MAX];
	u32 freed_count;
	struct list_node nodes; /* open ones */
};

/* ---- buffer: ext4_buffer.c ---- */

[[nodiscard]] int ext4_cache_create(struct ext4 *fs);
void ext4_cache_free(struct ext4 *fs); /* nothing is dirty, or is given up */
/* The block's contents, read if need be; to be put. -EINVAL: beyond the volume; -EIO; -ENOMEM. */
[[nodiscard]] int ext4_buffer_get(struct ext4 *fs, u64 block, struct ext4_buffer **out);
/*
 * The same for a block that is all to be written: zeroes, and nothing is read. In an operation, and
 * it is as changed as by ext4_change(), whose errors it has.
 */
[[nodiscard]] int ext4_buffer_new(struct ext4 *fs, u64 block, struct ext4_buffer **out);
void ext4_buffer_put(struct ext4 *fs, struct ext4_buffer *b); /* NULL is allowed */
/*
 * What a block was read as, and for what: one whose checksum was right once as just that is ours
 * from then on, and is not summed up again each time that it is looked at.
 */
enum ext4_kind {
	EXT4_KIND_BLOCK_BITMAP = 1,
	EXT4_KIND_INODE_BITMAP,
	EXT4_KIND_LEAF,
	EXT4_KIND_INDEX_ROOT,
	EXT4_KIND_INDEX_NODE,
	EXT4_KIND_EXTENTS,
	EXT4_KIND_ORPHANS,
};
static inline bool ext4_is_intact(const struct ext4_buffer *b, enum ext4_kind kind, u32 seed)
{
	return b->intact == ((u64)kind << 32 | seed);
}
static inline void ext4_set_intact(struct ext4_buffer *b, enum ext4_kind kind, u32 seed)
{
	b->intact = (u64)kind << 32 | seed;
}
/* The cached one or NULL, without a reference. */
struct ext4_buffer *ext4_buffer_find(struct ext4 *fs, u64 block);
/* Not cached any more, whatever it was. Nobody has it. */
void ext4_buffer_drop(struct ext4 *fs, struct ext4_buffer *b);

/* ---- device I/O on whole blocks: ext4_buffer.c ---- */

/* @buf is in the direct map. Data of files does not go by the cache. */
[[nodiscard]] int ext4_blocks_read(struct ext4 *fs, u64 block, void *buf, u32 count);
[[nodiscard]] int ext4_blocks_write(struct ext4 *fs, u64 block, const void *buf, u32 count);
[[nodiscard]] int ext4_device_flush(struct ext4 *fs);

/* ---- journal: ext4_journal.c ---- */

/*
 * Opens the journal in inode @fs's superblock names, replays it if it is not empty, and makes
 * it ready to be written. In between, @fs has what the superblock said before; the caller reads that anew.
 */
[[nodiscard]] int ext4_journal_open(struct ext4 *fs);
/* Commits, brings everything home, and leaves an empty journal. */
[[nodiscard]] int ext4_journal_close(struct ext4 *fs);

/*
 * Begins an operation that changes at most @blocks blocks. May commit what others did, for
 * room. -EROFS; -EIO; -ENOMEM; -ENOSPC: more than the journal takes. Operations do not nest: -EBUSY.
 */
[[nodiscard]] int ext4_begin(struct ext4 *fs, u32 blocks);
/*
 * @b is about to be changed; as often as one likes. Cannot fail in an operation that said how
 * many; else -ENOMEM, -ENOSPC. -EINVAL: outside of an operation.
 */
[[nodiscard]] int ext4_change(struct ext4 *fs, struct ext4_buffer *b);
/*
 * @block, of metadata, was freed in this operation: it is not written home any more, and a
 * replay does not write it (revoke). Its buffer, if any, is gone when the operation ends well.
 * There is room for as many as the operation said blocks, and 64 more. -ENOMEM; -ENOSPC.
 */
[[nodiscard]] int ext4_forget(struct ext4 *fs, u64 block);
/* Ends it. @error != 0: all buffers are as they were before. Returns @error. */
int ext4_end(struct ext4 *fs, int error);
/*
 * All operations that have ended are on the medium afterwards, and all data that was written. -EIO: not,
 * and the volume is read-only. Not in an operation: -EBUSY.
 */
[[nodiscard]] int ext4_commit(struct ext4 *fs);
/* Something was changed: by an operation, or data in its place. ext4_on_change()'s is called. */
void ext4_changed(struct ext4 *fs);
/* True if @block was freed by an operation that is not committed yet: not to be given out for data until then. */
bool ext4_is_revoked(const struct ext4 *fs, u64 block);

/* ---- super and groups: ext4_super.c, ext4_mount.c, ext4_group.c ---- */

static inline bool ext4_has_ro(const struct ext4 *fs, u32 feature)
{
	return fs->feature_ro_compat & feature;
}

static inline bool ext4_has_incompat(const struct ext4 *fs, u32 feature)
{
	return fs->feature_incompat & feature;
}

/* CRC-32C, bits reflected, without the last complement; ~0 or a seed at the beginning. */
u32 ext4_crc32c(u32 crc, const void *data, size_t len);
/* The same on any processor. */
u32 ext4_crc32c_by_table(u32 crc, const void *data, size_t len);

/* Its buffer, to be put, and the superblock in it. */
[[nodiscard]] int ext4_super_get(struct ext4 *fs, struct ext4_buffer **b, struct ext4_super **s);
/* In an operation: what was changed in it counts, its checksum is made. */
void ext4_super_seal(struct ext4 *fs, struct ext4_super *s);
/* One log line, the superblock's error state, and read-only from now on. Returns -EIO. */
int ext4_damaged(struct ext4 *fs, const char *what, u64 where);
/* Seconds since 1970. */
u32 ext4_now(void);

/* A group's descriptor: its buffer, to be put; it is desc_size bytes, the upper half only with 64. */
[[nodiscard]] int ext4_group_get(
	struct ext4 *fs, u32 group, struct ext4_buffer **b, struct ext4_group **g);
/* Checksum anew, after ext4_change(). */
void ext4_group_seal(struct ext4 *fs, u32 group, struct ext4_group *g);
u64 ext4_group_block_bitmap(const struct ext4 *fs, const struct ext4_group *g);
u64 ext4_group_inode_bitmap(const struct ext4 *fs, const struct ext4_group *g);
u64 ext4_group_inode_table(const struct ext4 *fs, const struct ext4_group *g);

/* ---- alloc: ext4_alloc.c, ext4_ialloc.c; in an operation ---- */

/*
 * Up to *@count blocks in a row, at or behind @goal if there are some; *@count: how many. A new
 * one's contents are undefined. Counters of group and superblock are kept. -ENOSPC.
 */
[[nodiscard]] int ext4_blocks_alloc(struct ext4 *fs, u64 goal, u32 *count, u64 *first);
/* Freeing what is free, or metadata of a group, is damage. */
[[nodiscard]] int ext4_blocks_free(struct ext4 *fs, u64 first, u32 count);
/* The same as ext4_blocks_alloc() for one block of a tree, from what is reserved if need be. */
[[nodiscard]] int ext4_block_alloc_reserved(struct ext4 *fs, u64 goal, u64 *block);
/*
 * Outside of operations, after -ENOSPC: true if there may be room now, because what was freed is
 * committed, which is done for that.
 */
bool ext4_blocks_retry(struct ext4 *fs);
/* An inode, zeroed but for what every new one has; near @parent. */
[[nodiscard]] int ext4_inode_alloc(struct ext4 *fs, u32 parent, bool directory, u32 *ino);
[[nodiscard]] int ext4_inode_free(struct ext4 *fs, u32 ino, bool directory);
/* Blocks that the next ext4_blocks_alloc() changes at most: bitmap, descriptor, superblock. */
#define EXT4_ALLOC_BLOCKS 3u

/* ---- inode: ext4_inode.c ---- */

/* An inode in its block of the table; a reference to that. */
struct ext4_iref {
	u32 ino;
	struct ext4_buffer *b;
	struct ext4_inode *i;
};

/* Checked: number, checksum, extra size, flags that are known. -EINVAL, damage. */
[[nodiscard]] int ext4_inode_get(struct ext4 *fs, u32 ino, struct ext4_iref *ref);
void ext4_inode_put(struct ext4 *fs, struct ext4_iref *ref);
/* In an operation, before the first change; and behind the last: makes the checksum. */
[[nodiscard]] int ext4_inode_change(struct ext4 *fs, struct ext4_iref *ref);
void ext4_inode_seal(struct ext4 *fs, struct ext4_iref *ref);
u64 ext4_inode_size(const struct ext4_inode *i);
void ext4_inode_set_size(struct ext4_inode *i, u64 size);
/* Blocks of the file system more, or less, in blocks_lo and _hi. */
[[nodiscard]] int ext4_inode_add_blocks(struct ext4 *fs, struct ext4_inode *i, s64 blocks);
/* Modification and change time: now. */
void ext4_inode_touch(struct ext4 *fs, struct ext4_inode *i);
/* The seed of checksums of what belongs to it: of number and generation. */
u32 ext4_inode_seed(const struct ext4 *fs, const struct ext4_iref *ref);

static inline bool ext4_is_dir(const struct ext4_inode *i)
{
	return (i->mode & EXT4_S_IFMT) == EXT4_S_IFDIR;
}

static inline bool ext4_is_file(const struct ext4_inode *i)
{
	return (i->mode & EXT4_S_IFMT) == EXT4_S_IFREG;
}

/* ---- orphans: ext4_orphan.c ---- */

/* In an operation: it is to be truncated to its size, or freed if it has no links, if all ends here. */
[[nodiscard]] int ext4_orphan_add(struct ext4 *fs, struct ext4_iref *ref);
[[nodiscard]] int ext4_orphan_remove(struct ext4 *fs, struct ext4_iref *ref);
/* At mount: does for all of them what they are there for. In operations of its own. */
[[nodiscard]] int ext4_orphans_finish(struct ext4 *fs);
#define EXT4_ORPHAN_BLOCKS 3u

/* ---- extent: ext4_extent.c, ext4_extent_change.c ---- */

struct ext4_run {
	u32 block; /* of the file */
	u32 count;
	u64 start; /* of the volume; 0: a hole */
	bool unwritten;
};

/* The run that @block lies in, from @block on; a hole up to the next extent, or to 2^32 - 1. */
[[nodiscard]] int ext4_extent_find(
	struct ext4 *fs, const struct ext4_iref *ref, u32 block, struct ext4_run *run);
/* In an operation: the run fills a hole, or part of one. Joined with its neighbours where that goes. */
[[nodiscard]] int ext4_extent_add(
	struct ext4 *fs, struct ext4_iref *ref, const struct ext4_run *run);
/* In an operation: @count blocks from @block on, all in one unwritten extent, are written now. */
[[nodiscard]] int ext4_extent_set_written(
	struct ext4 *fs, struct ext4_iref *ref, u32 block, u32 count);
/*
 * In an operation: frees the last blocks from @block on, as many as the operation has room for; *@more:
 * there are others. @metadata: the blocks are journalled ones, a directory's.
 */
[[nodiscard]] int ext4_extent_cut(
	struct ext4 *fs, struct ext4_iref *ref, u32 block, bool metadata, bool *more);
/* What one call of add, set_written or cut changes at most, allocation included. */
#define EXT4_EXTENT_BLOCKS 40u

/* ---- data: ext4_file.c ---- each in operations of its own, but where it says */

[[nodiscard]] s64 ext4_file_read(struct ext4 *fs, u32 ino, u64 offset, void *buf, size_t len);
/* *@offset, if it lies in a hole or in what is allocated only, moves behind that; see vfs_data(). */
[[nodiscard]] int ext4_file_data(struct ext4 *fs, u32 ino, u64 *offset);
/* Allocates; the new blocks' data are on the device before they are named. Less than @len: no room. */
[[nodiscard]] s64 ext4_file_write(
	struct ext4 *fs, u32 ino, u64 offset, const void *buf, size_t len);
/* Longer: a hole. */
[[nodiscard]] int ext4_file_truncate(struct ext4 *fs, u32 ino, u64 size);
/* Unwritten extents for all holes in [offset, offset + len); the size grows to the end. As vfs_allocate() says. */
[[nodiscard]] int ext4_file_allocate(struct ext4 *fs, u32 ino, u64 offset, u64 len);
/* The run that byte @offset lies in, in bytes, from there to its end or the file's. -EINVAL: beyond it. */
[[nodiscard]] int ext4_file_map(
	struct ext4 *fs, u32 ino, u64 offset, struct vfs_extent *extent); /* ext4_map.c */
/* As vfs_written() says. */
[[nodiscard]] int ext4_file_written(struct ext4 *fs, u32 ino, u64 offset, u64 len);
/* It was changed just now. */
[[nodiscard]] int ext4_file_touch(struct ext4 *fs, u32 ino);
/* An inode without links and opens: its blocks and itself. It is on the orphans' list. */
[[nodiscard]] int ext4_file_free(struct ext4 *fs, u32 ino);

/* ---- dir: ext4_dir.c, ext4_dir_list.c, ext4_htree.c, ext4_htree_add.c ---- */

struct ext4_found {
	u32 ino;
	u8 type;
};

/* -ENOENT. */
[[nodiscard]] int ext4_dir_find(struct ext4 *fs, const struct ext4_iref *dir, const char *name,
	size_t len, struct ext4_found *found);
/*
 * Entry at or behind *@position, which begins with 0 and moves on: 1, 0 at the end. "." and ".." too. What
 * stays there is listed once, whatever comes and goes meanwhile. @name: EXT4_NAME_MAX + 1.
 */
[[nodiscard]] int ext4_dir_next(struct ext4 *fs, const struct ext4_iref *dir, u64 *position,
	char *name, struct ext4_found *found);
/* In an operation. The name is not there yet. */
[[nodiscard]] int ext4_dir_add(
	struct ext4 *fs, struct ext4_iref *dir, const char *name, size_t len, u32 ino, u8 type);
[[nodiscard]] int ext4_dir_remove(
	struct ext4 *fs, struct ext4_iref *dir, const char *name, size_t len);
/* In an operation: the entry's inode is another one from now on; ".." too. */
[[nodiscard]] int ext4_dir_set(
	struct ext4 *fs, struct ext4_iref *dir, const char *name, size_t len, u32 ino, u8 type);
/* In an operation: the first block of a new one, with "." and "..". */
[[nodiscard]] int ext4_dir_make(struct ext4 *fs, struct ext4_iref *dir, u32 parent);
/* 1: nothing but "." and ".."; 0. */
[[nodiscard]] int ext4_dir_is_empty(struct ext4 *fs, const struct ext4_iref *dir);
/* What adding changes at most: two new blocks, those above them, the inode. Others change less. */
#define EXT4_DIR_BLOCKS (2u * EXT4_EXTENT_BLOCKS + 8u)

/* ---- name: ext4_name.c ---- @path as vfs_ops has it; each in an operation of its own */

/*
 * The inode's number. -ENOENT, -ENOTDIR, -ENAMETOOLONG. Symbolic links are not followed: -ELOOP, but
 * the last part may be one.
 */
[[nodiscard]] int ext4_look_up(struct ext4 *fs, const char *path, u32 *ino);
/* -EEXIST, -EMLINK, -ENOSPC, -EPERM: the directory may not be changed. */
[[nodiscard]] int ext4_create(struct ext4 *fs, const char *path, bool directory, u32 *ino);
/* Anything but a directory that is not empty. One that is open lives on as orphan until it is closed. */
[[nodiscard]] int ext4_remove(struct ext4 *fs, const char *path);
/* As vfs_ops.rename says; nothing happens if both are names of one file. */
[[nodiscard]] int ext4_rename(struct ext4 *fs, const char *from, const char *to);

/* ---- open files: ext4_vfs.c ---- */

/* The open node of @ino or NULL. */
struct ext4_node *ext4_node_find(struct ext4 *fs, u32 ino);
