/* SPDX-License-Identifier: MIT */
/*
 * Operations: what they change joins the running transaction when they end well, and
 * is put back when they do not. Opening and closing the journal.
 *
 * Room is made when an operation begins: memory for before-images, and blocks in the
 * log for all that runs and what it may add, so that a commit never lacks room.
 */
#include "rootpart/ext4/ext4_journal.h"
#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/block/block.h"
#include "rootpart/heap.h"

static u32 log_blocks(const struct ext4_journal *j)
{
	return j->last - j->first;
}

/* What the log takes for the running transaction with @blocks changed and @revokes freed ones more. */
static u64 cost_with(const struct ext4 *fs, u64 blocks, u64 revokes)
{
	const struct ext4_cache *c = fs->cache;

	return ext4_log_cost(fs, (u64)c->running_count + c->operation_count + blocks,
		(u64)c->revokes.count + revokes);
}

/* The same with an operation that says @blocks; it may free as many. */
static u64 cost_of(const struct ext4 *fs, u32 blocks)
{
	return cost_with(fs, blocks, (u64)blocks + 64);
}

static int make_room(struct ext4 *fs, u32 blocks)
{
	struct ext4_journal *j = fs->journal;
	int r = 0;

	if ((u64)fs->cache->dirty_count * fs->block_size > EXT4_DIRTY_BYTES)
		r = ext4_checkpoint(fs);
	if (j == NULL || r != 0)
		return r;
	if (cost_of(fs, blocks) > log_blocks(j) / 4)
		r = ext4_log_commit(fs);
	if (r != 0)
		return r;
	if (cost_of(fs, blocks) > log_blocks(j) / 4)
		return -ENOSPC;
	return j->used + cost_of(fs, blocks) > log_blocks(j) ? ext4_checkpoint(fs) : 0;
}

/* The first operation: superblocks say that the journal is in use, before it is. */
static int make_ready(struct ext4 *fs)
{
	struct ext4_journal *j = fs->journal;
	int r;

	if (j == NULL || j->ready)
		return 0;
	r = ext4_recover_mark(fs, true);
	if (r != 0)
		return r;
	ext4_journal_set_features(fs, j);
	j->ready = true;
	return 0;
}

int ext4_begin(struct ext4 *fs, u32 blocks)
{
	struct ext4_cache *c = fs->cache;
	int r;

	if (c->in_operation)
		return -EBUSY;
	if (fs->read_only)
		return -EROFS;
	r = make_room(fs, blocks);
	if (r == 0)
		r = ext4_images_reserve(fs, blocks);
	if (r == 0)
		r = make_ready(fs);
	c->in_operation = r == 0;
	return r;
}

/* Whether @blocks and @revokes more than what is there can still be committed. */
static bool has_room(const struct ext4 *fs, u32 blocks, u32 revokes)
{
	const struct ext4_journal *j = fs->journal;

	return j == NULL || j->used + cost_with(fs, blocks, revokes) <= log_blocks(j);
}

static int operation_join(struct ext4 *fs, struct ext4_buffer *b)
{
	struct ext4_cache *c = fs->cache;

	if (!has_room(fs, 1, 0))
		return -ENOSPC;
	if (!b->fresh) {
		b->before = ext4_image_take(fs);
		if (b->before == NULL)
			return -ENOMEM;
		memcpy(b->before, b->data, fs->block_size);
	}
	list_push_back(&c->operation, &b->operation_link);
	c->operation_count++;
	return 0;
}

static void revoke_set(struct ext4_revokes *t, struct ext4_revoke *e, bool now)
{
	e->now = now;
	if (list_empty(&e->operation_link))
		list_push_back(&t->operation, &e->operation_link);
}

int ext4_change(struct ext4 *fs, struct ext4_buffer *b)
{
	struct ext4_cache *c = fs->cache;
	struct ext4_revoke *e;
	int r;

	if (!c->in_operation)
		return -EINVAL;
	r = list_empty(&b->operation_link) ? operation_join(fs, b) : 0;
	if (r != 0)
		return r;
	/* It was freed before, and is metadata again. */
	e = ext4_revokes_find(&c->revokes, b->block);
	if (e != NULL && e->now)
		revoke_set(&c->revokes, e, false);
	return 0;
}

int ext4_forget(struct ext4 *fs, u64 block)
{
	struct ext4_cache *c = fs->cache;
	const struct ext4_buffer *b;
	struct ext4_revoke *e;

	if (!c->in_operation || block >= fs->blocks)
		return -EINVAL;
	if (!has_room(fs, 0, 1))
		return -ENOSPC;
	e = ext4_revokes_add(&c->revokes, block);
	if (e == NULL)
		return -ENOMEM;
	revoke_set(&c->revokes, e, true);
	b = ext4_buffer_find(fs, block);
	if (b != NULL && b->dirty)
		e->logged = true;
	return 0;
}

bool ext4_is_revoked(const struct ext4 *fs, u64 block)
{
	const struct ext4_revoke *e = ext4_revokes_find(&fs->cache->revokes, block);

	return e != NULL && (e->now || e->before);
}

static struct ext4_buffer *operation_pop(struct ext4_cache *c)
{
	struct list_node *l = list_pop_front(&c->operation);

	if (l == NULL)
		return NULL;
	c->operation_count--;
	return list_entry(l, struct ext4_buffer, operation_link);
}

static void operation_undo(struct ext4 *fs)
{
	struct ext4_cache *c = fs->cache;
	struct ext4_buffer *b;
	struct list_node *l;

	while ((b = operation_pop(c)) != NULL) {
		if (b->fresh) {
			ext4_buffer_drop(fs, b);
			continue;
		}
		memcpy(b->data, b->before, fs->block_size);
		ext4_image_give(fs, b->before);
		b->before = NULL;
		ext4_buffer_settle(fs, b);
	}
	while ((l = list_pop_front(&c->revokes.operation)) != NULL) {
		struct ext4_revoke *e = list_entry(l, struct ext4_revoke, operation_link);

		e->now = e->before;
		if (!e->now && !e->logged)
			ext4_revokes_remove(&c->revokes, e);
	}
}

/* What is freed has no buffer any more, whether this operation changed it or another one. */
static void forget_all(struct ext4 *fs)
{
	struct ext4_revokes *t = &fs->cache->revokes;
	struct list_node *l;

	while ((l = list_pop_front(&t->operation)) != NULL) {
		struct ext4_revoke *e = list_entry(l, struct ext4_revoke, operation_link);
		struct ext4_buffer *b = e->now ? ext4_buffer_find(fs, e->block) : NULL;

		if (b != NULL)
			ext4_buffer_drop(fs, b);
		e->before = e->now;
	}
	if (fs->journal == NULL)
		ext4_revokes_clear(t);
}

static void operation_keep(struct ext4 *fs)
{
	struct ext4_buffer *b;

	while ((b = operation_pop(fs->cache)) != NULL) {
		ext4_image_give(fs, b->before);
		b->before = NULL;
		b->fresh = false;
		if (fs->journal != NULL)
			ext4_buffer_set_running(fs, b, true);
		else
			ext4_buffer_set_dirty(fs, b, true);
		ext4_buffer_settle(fs, b);
	}
	forget_all(fs);
}

void ext4_changed(struct ext4 *fs)
{
	if (fs->uncommitted)
		return;
	fs->uncommitted = true;
	if (fs->changed != NULL)
		fs->changed(fs->changed_context);
}

int ext4_end(struct ext4 *fs, int error)
{
	struct ext4_cache *c = fs->cache;
	bool changes = c->operation_count > 0 || !list_empty(&c->revokes.operation);

	if (!c->in_operation)
		return error;
	if (error != 0)
		operation_undo(fs);
	else
		operation_keep(fs);
	c->in_operation = false;
	if (error == 0 && changes)
		ext4_changed(fs);
	return error;
}

/* Data of files that were there before is on its way, though nothing runs. */
static int commit_data(struct ext4 *fs)
{
	int r = fs->device->limits.read_only ? 0 : ext4_device_flush(fs);

	if (r == 0)
		fs->uncommitted = false;
	return r;
}

int ext4_commit(struct ext4 *fs)
{
	struct ext4_cache *c = fs->cache;

	if (c->in_operation)
		return -EBUSY;
	if (c->failed)
		return -EIO;
	if (fs->journal == NULL)
		return ext4_checkpoint(fs);
	if (c->running_count == 0 && ext4_revokes_next(&c->revokes, NULL) == NULL)
		return commit_data(fs);
	return ext4_log_commit(fs);
}

static void journal_free(struct ext4_journal *j)
{
	if (j == NULL)
		return;
	kfree(j->runs);
	kfree(j->super_block);
	kfree(j->block);
	kfree(j);
}

static struct ext4_journal *journal_alloc(struct ext4 *fs)
{
	struct ext4_journal *j = kzalloc(sizeof(*j));

	if (j == NULL)
		return NULL;
	j->super_block = kmalloc(fs->block_size);
	j->block = kmalloc(fs->block_size);
	j->super = (struct jbd2_super *)j->super_block;
	if (j->super_block != NULL && j->block != NULL)
		return j;
	journal_free(j);
	return NULL;
}

/* The journal's inode, by the volume's superblock. */
static int inode_find(struct ext4 *fs, u32 *ino)
{
	const struct ext4_super *s;
	struct ext4_buffer *b;
	int r = ext4_buffer_get(fs, fs->super_block, &b);

	if (r != 0)
		return r;
	s = (const struct ext4_super *)(b->data + fs->super_offset);
	*ino = s->journal_inum;
	ext4_buffer_put(fs, b);
	return *ino != 0 ? 0 : ext4_journal_refuse(fs, -ENOTSUP, "it is a device, inode", 0);
}

static int journal_load(struct ext4 *fs, struct ext4_journal *j)
{
	u32 ino = 0;
	int r = inode_find(fs, &ino);

	if (r == 0)
		r = ext4_journal_map(fs, j, ino);
	if (r == 0)
		r = ext4_journal_super_read(fs, j);
	if (r != 0)
		return r;
	j->head = j->first;
	/* Not the number of one that was begun and is in the log in part. */
	j->sequence = be32(j->super->sequence) + 1;
	if (j->super->start == 0)
		return 0;
	if (fs->read_only || fs->device->limits.read_only)
		return ext4_journal_refuse(
			fs, -EROFS, "it is to be replayed, from", be32(j->super->start));
	return ext4_replay(fs, j);
}

int ext4_journal_open(struct ext4 *fs)
{
	struct ext4_journal *j;
	int r;

	if (!(fs->feature_compat & EXT4_COMPAT_HAS_JOURNAL))
		return 0;
	j = journal_alloc(fs);
	if (j == NULL)
		return -ENOMEM;
	fs->journal = j;
	r = journal_load(fs, j);
	if (r != 0) {
		fs->journal = NULL;
		journal_free(j);
	}
	return r;
}

static bool writable(const struct ext4 *fs)
{
	return !fs->device->limits.read_only && (!fs->read_only || fs->journal->ready);
}

int ext4_journal_close(struct ext4 *fs)
{
	int r;

	(void)ext4_end(fs, -EINTR); /* one that nobody ended does not count */
	if (fs->journal == NULL)
		return ext4_commit(fs);
	r = fs->cache->failed ? -EIO : 0;
	if (r == 0 && writable(fs)) {
		r = ext4_checkpoint(fs);
		if (r == 0)
			r = ext4_recover_mark(fs, false);
	}
	journal_free(fs->journal);
	fs->journal = NULL;
	return r;
}
