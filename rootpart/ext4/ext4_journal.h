/* SPDX-License-Identifier: MIT */
/*
 * What the buffer and journal layers share: the cache, the journal, and the steps
 * that are in files of their own. All of it under the volume's lock.
 *
 * An operation's buffers are on the cache's list `operation`; when it ends they are
 * joined to `running`, the running transaction. A commit writes those to the log and
 * puts them on `dirty`: what is in the log and not at its place. A checkpoint commits, writes
 * all dirty ones to their places, and empties the log. A volume without a journal has
 * nothing running: an operation's buffers become dirty when it ends.
 */
#pragma once

#include "base/types.h"
#include "lib/list.h"
#include "rootpart/ext4/ext4_impl.h"
#include "rootpart/ext4/jbd2_format.h"

/* ---- blocks that were revoked: ext4_revoke.c ---- */

struct ext4_revoke {
	struct list_node link;
	struct list_node operation_link;
	u64 block;
	u32 sequence; /* replay: how far behind the log's first transaction it is */
	bool now;     /* it is freed */
	bool before;  /* the same when the operation began */
	bool logged;  /* the log may have a copy of it */
};

struct ext4_revokes {
	struct list_node *buckets;
	struct list_node operation; /* those that the operation changed */
	u32 count;
};

[[nodiscard]] int ext4_revokes_create(struct ext4_revokes *t);
void ext4_revokes_clear(struct ext4_revokes *t);
void ext4_revokes_free(struct ext4_revokes *t);
struct ext4_revoke *ext4_revokes_find(const struct ext4_revokes *t, u64 block);
/* The one that is there, or a new one. NULL: no memory. */
struct ext4_revoke *ext4_revokes_add(struct ext4_revokes *t, u64 block);
void ext4_revokes_remove(struct ext4_revokes *t, struct ext4_revoke *e);
/* The first one behind @e (NULL: at all) that a commit is to write; in no order. */
struct ext4_revoke *ext4_revokes_next(const struct ext4_revokes *t, const struct ext4_revoke *e);

/* ---- the cache: ext4_buffer.c ---- */

#define EXT4_CACHE_BYTES   (4 * MIB)   /* of clean buffers that nobody has */
#define EXT4_DIRTY_BYTES   (16 * MIB)  /* with more, it is time for a checkpoint */
#define EXT4_STAGING_BYTES (128 * KIB) /* what is written at a time */

struct ext4_cache {
	struct list_node *buckets;
	struct list_node lru;
	struct list_node dirty;
	struct list_node running;
	struct list_node operation;
	u32 lru_count;
	u32 dirty_count;
	u32 running_count;
	u32 operation_count;
	bool in_operation;
	bool failed;  /* writing failed once: never again */
	void *images; /* memory for before-images; each begins with the next one's address */
	u32 image_count;
	u8 *staging;                 /* EXT4_STAGING_BYTES */
	struct ext4_revokes revokes; /* of the running transaction */
};

/* To where it belongs now: kept, among those that may go, or freed. */
void ext4_buffer_settle(struct ext4 *fs, struct ext4_buffer *b);
void ext4_buffer_set_dirty(struct ext4 *fs, struct ext4_buffer *b, bool dirty);
void ext4_buffer_set_running(struct ext4 *fs, struct ext4_buffer *b, bool running);
/* Memory of a block's size for what it was before; back into the store. */
[[nodiscard]] int ext4_images_reserve(struct ext4 *fs, u32 count);
u8 *ext4_image_take(struct ext4 *fs);
void ext4_image_give(struct ext4 *fs, u8 *image);

/* ext4_blocks_write(), but on the medium when it returns. */
[[nodiscard]] int ext4_blocks_write_through(struct ext4 *fs, u64 block, const void *buf, u32 count);

/* ---- the journal ---- */

/* Its blocks from @first on lie in a row from @start on. */
struct ext4_journal_run {
	u32 first;
	u32 count;
	u64 start;
};

struct ext4_journal {
	struct ext4_journal_run *runs; /* without gaps, from 0 on */
	u32 run_count;
	u32 blocks;      /* that the runs have */
	u8 *super_block; /* block 0; what the medium has, but for what is to be written next */
	struct jbd2_super *super; /* in it */
	u8 *block;                /* a block's size, for descriptors and the like */
	u32 first;                /* the log is [first, last) */
	u32 last;
	u32 fast;     /* the first block of fast commits, 0: there are none */
	u32 head;     /* where the next transaction goes */
	u32 used;     /* blocks of it that are not to be overwritten */
	u32 sequence; /* the next transaction's */
	bool ready;   /* superblocks say that it is in use */
};

static inline u16 be16(u16 v)
{
	return __builtin_bswap16(v);
}

static inline u32 be32(u32 v)
{
	return __builtin_bswap32(v);
}

static inline u64 be64(u64 v)
{
	return __builtin_bswap64(v);
}

/* ext4_journal_map.c: reads where it lies. What it makes is freed with the journal. */
[[nodiscard]] int ext4_journal_map(struct ext4 *fs, struct ext4_journal *j, u32 ino);
/* The volume's block that has the journal's @block, which it has. */
u64 ext4_journal_place(const struct ext4_journal *j, u32 block);
/* True if the volume's block @block is one of the journal's. */
bool ext4_journal_owns(const struct ext4_journal *j, u64 block);

/* ext4_journal_super.c */

/* One line about what makes it unusable; returns @error. */
int ext4_journal_refuse(struct ext4 *fs, int error, const char *what, u64 where);
/* Reads and checks block 0. */
[[nodiscard]] int ext4_journal_super_read(struct ext4 *fs, struct ext4_journal *j);
/* Says that the log begins at block @start, 0: is empty, with transaction @sequence. Write through. */
[[nodiscard]] int ext4_journal_super_write(struct ext4 *fs, u32 start, u32 sequence);
/*
 * The volume was found damaged: whoever replays the log is told, as the superblocks in it know nothing
 * of that. Nothing is to be done while it is empty.
 */
void ext4_journal_mark_damaged(struct ext4 *fs);
bool ext4_journal_is_damaged(const struct ext4 *fs);
/* Whatever error whoever wrote the log had is no matter any more; the log is empty. */
[[nodiscard]] int ext4_journal_clear_error(struct ext4 *fs);
/* Features of the journal as we write it: in memory. */
void ext4_journal_set_features(struct ext4 *fs, struct ext4_journal *j);
/* The volume's superblock says, on the medium, whether the journal is in use. Nothing else of it is changed. */
[[nodiscard]] int ext4_recover_mark(struct ext4 *fs, bool in_use);

static inline bool ext4_journal_has(const struct ext4_journal *j, u64 feature)
{
	return be32(j->super->feature_incompat) & (u32)feature;
}

static inline bool ext4_journal_has_checksums(const struct ext4_journal *j)
{
	return ext4_journal_has(j, JBD2_INCOMPAT_CSUM_V2 | JBD2_INCOMPAT_CSUM_V3);
}

/* The seed of all checksums in the log. */
u32 ext4_journal_seed(const struct ext4_journal *j);
/* Bytes of a tag, without a UUID. */
u32 ext4_journal_tag_size(const struct ext4_journal *j);
/* Of a descriptor or revoke block that are before its checksum, if it has one. */
u32 ext4_journal_usable(const struct ext4 *fs, const struct ext4_journal *j);
/* Of the block with a number that is in its bytes. */
u32 ext4_journal_block_checksum(
	const struct ext4_journal *j, u32 sequence, const u8 *data, u32 size, bool escaped);
#define JBD2_UUID_SIZE 16u

static inline u32 ext4_journal_next(const struct ext4_journal *j, u32 block)
{
	return block + 1 == j->last ? j->first : block + 1;
}

/* ext4_commit.c */

/* Blocks of the log for a transaction of so many blocks and revoked ones. */
u64 ext4_log_cost(const struct ext4 *fs, u64 blocks, u64 revokes);
/* Empties the running transaction into the log. -EIO: and the volume is read-only. */
[[nodiscard]] int ext4_log_commit(struct ext4 *fs);
/* And brings all home. The log is empty. */
[[nodiscard]] int ext4_checkpoint(struct ext4 *fs);

/* ext4_replay.c: what a log has goes to where it belongs, and the log is empty. */
[[nodiscard]] int ext4_replay(struct ext4 *fs, struct ext4_journal *j);
