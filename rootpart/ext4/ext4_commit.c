/* SPDX-License-Identifier: MIT */
/*
 * From the running transaction to the log (commit), and from the log's blocks to
 * their places (checkpoint).
 *
 * The order that makes it proof against a power cut: the journal's superblock names the
 * log's beginning before there is anything in it; all of a transaction, and all data of files
 * that was written before, is on the medium before its commit block is, and so are zeroes where
 * that goes; home blocks are on the medium before the log is called empty; and that is, before
 * any of it is overwritten.
 */
#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/block/block.h"
#include "rootpart/ext4/ext4_journal.h"
#include "rootpart/log.h"

/* Blocks that are gathered in the cache's staging memory to be written at once. */
struct writer {
	struct ext4 *fs;
	u32 at;    /* where in the log the next one goes */
	u64 start; /* where on the volume the first one that waits goes */
	u32 count; /* how many wait */
};

static u32 tags_per_block(const struct ext4 *fs)
{
	const struct ext4_journal *j = fs->journal;
	u32 room = ext4_journal_usable(fs, j) - (u32)sizeof(struct jbd2_header) - JBD2_UUID_SIZE;

	return room / ext4_journal_tag_size(j);
}

static u32 revoke_size(const struct ext4_journal *j)
{
	return ext4_journal_has(j, JBD2_INCOMPAT_64BIT) ? 8 : 4;
}

static u32 revokes_per_block(const struct ext4 *fs)
{
	const struct ext4_journal *j = fs->journal;
	u32 room = ext4_journal_usable(fs, j) - (u32)sizeof(struct jbd2_revoke);

	return room / revoke_size(j);
}

u64 ext4_log_cost(const struct ext4 *fs, u64 blocks, u64 revokes)
{
	u32 tags = tags_per_block(fs), records = revokes_per_block(fs);

	return blocks + (blocks + tags - 1) / tags + (revokes + records - 1) / records + 1;
}

/* Writing has failed: nothing is written any more, and what is in memory stays there. */
static int fail(struct ext4 *fs, const char *what, int error)
{
	struct ext4_journal *j = fs->journal;

	log_printf("ext4: %s: %s failed, error %d: read-only from now on", fs->device->name, what,
		-error);
	fs->cache->failed = true;
	fs->read_only = true;
	fs->why = "writing to the device failed";
	if (j != NULL) {
		j->super->error = be32((u32)-EIO);
		(void)ext4_journal_super_write(fs, be32(j->super->start), be32(j->super->sequence));
	}
	return -EIO;
}

static int writer_flush(struct writer *w)
{
	u32 count = w->count;

	w->count = 0;
	return count > 0 ? ext4_blocks_write(w->fs, w->start, w->fs->cache->staging, count) : 0;
}

/* A copy of @data to the volume's block @place; *@copy, if not NULL, may be changed until the next call. */
static int writer_put(struct writer *w, u64 place, const u8 *data, u8 **copy)
{
	u32 size = w->fs->block_size;
	u8 *to;

	if (w->count > 0 &&
		(place != w->start + w->count || (w->count + 1) * size > EXT4_STAGING_BYTES)) {
		int r = writer_flush(w);

		if (r != 0)
			return r;
	}
	if (w->count == 0)
		w->start = place;
	to = w->fs->cache->staging + (u64)w->count++ * size;
	memcpy(to, data, size);
	if (copy != NULL)
		*copy = to;
	return 0;
}

static int log_put(struct writer *w, const u8 *data, u8 **copy)
{
	const struct ext4_journal *j = w->fs->journal;
	u64 place = ext4_journal_place(j, w->at);

	w->at = ext4_journal_next(j, w->at);
	return writer_put(w, place, data, copy);
}

static void header_set(struct ext4 *fs, u32 type)
{
	struct ext4_journal *j = fs->journal;
	struct jbd2_header *h = (struct jbd2_header *)j->block;

	memset(j->block, 0, fs->block_size);
	*h = (struct jbd2_header){ be32(JBD2_MAGIC), be32(type), be32(j->sequence) };
}

static void tail_set(struct ext4 *fs)
{
	struct ext4_journal *j = fs->journal;
	u32 end = ext4_journal_usable(fs, j), crc;

	if (end == fs->block_size)
		return;
	crc = be32(ext4_crc32c(ext4_journal_seed(j), j->block, fs->block_size));
	memcpy(j->block + end, &crc, sizeof(crc));
}

static int revokes_write(struct writer *w)
{
	struct ext4 *fs = w->fs;
	struct ext4_journal *j = fs->journal;
	struct jbd2_revoke *h = (struct jbd2_revoke *)j->block;
	u32 per_block = revokes_per_block(fs), size = revoke_size(j);
	struct ext4_revoke *e = ext4_revokes_next(&fs->cache->revokes, NULL);

	while (e != NULL) {
		u32 end = sizeof(*h);
		int r;

		header_set(fs, JBD2_BLOCK_REVOKE);
		for (u32 i = 0; e != NULL && i < per_block; i++, end += size) {
			u64 wide = be64(e->block);
			u32 narrow = be32((u32)e->block);

			memcpy(j->block + end, size == 8 ? (void *)&wide : (void *)&narrow, size);
			e = ext4_revokes_next(&fs->cache->revokes, e);
		}
		h->count = be32(end);
		tail_set(fs);
		r = log_put(w, j->block, NULL);
		if (r != 0)
			return r;
	}
	return 0;
}

static bool is_escaped(const struct ext4_buffer *b)
{
	u32 magic;

	memcpy(&magic, b->data, sizeof(magic));
	return magic == be32(JBD2_MAGIC);
}

static void tag_set(struct ext4 *fs, u8 *at, const struct ext4_buffer *b, u32 flags)
{
	const struct ext4_journal *j = fs->journal;
	struct jbd2_tag3 wide = { .block_lo = be32((u32)b->block), .flags = be32(flags) };
	struct jbd2_tag plain = { .block_lo = be32((u32)b->block), .flags = be16((u16)flags) };

	if (!ext4_journal_has(j, JBD2_INCOMPAT_CSUM_V3)) {
		plain.block_hi = be32((u32)(b->block >> 32));
		memcpy(at, &plain, ext4_journal_tag_size(j));
		return;
	}
	wide.block_hi = be32((u32)(b->block >> 32));
	wide.checksum = be32(ext4_journal_block_checksum(
		j, j->sequence, b->data, fs->block_size, flags & JBD2_TAG_ESCAPED));
	memcpy(at, &wide, sizeof(wide));
}

/* Makes a descriptor in j->block of the first @count buffers from @l on. */
static void descriptor_make(struct ext4 *fs, const struct list_node *l, u32 count)
{
	struct ext4_journal *j = fs->journal;
	u8 *at = j->block + sizeof(struct jbd2_header);

	header_set(fs, JBD2_BLOCK_DESCRIPTOR);
	for (u32 i = 0; i < count; i++, l = l->next) {
		const struct ext4_buffer *b = list_entry(l, struct ext4_buffer, running_link);
		u32 flags = is_escaped(b) ? JBD2_TAG_ESCAPED : 0;

		if (i > 0)
			flags |= JBD2_TAG_SAME_UUID;
		if (i + 1 == count)
			flags |= JBD2_TAG_LAST;
		tag_set(fs, at, b, flags);
		at += ext4_journal_tag_size(j);
		if (i > 0)
			continue;
		memcpy(at, j->super->uuid, JBD2_UUID_SIZE);
		at += JBD2_UUID_SIZE;
	}
	tail_set(fs);
}

static int copy_write(struct writer *w, const struct ext4_buffer *b)
{
	u8 *copy;
	int r = log_put(w, b->data, &copy);

	if (r == 0 && is_escaped(b))
		memset(copy, 0, sizeof(u32));
	return r;
}

static int buffers_write(struct writer *w)
{
	const struct ext4_cache *c = w->fs->cache;
	struct list_node *l = c->running.next;
	u32 left = c->running_count, per_block = tags_per_block(w->fs);

	while (left > 0) {
		u32 n = MIN(left, per_block);
		int r;

		descriptor_make(w->fs, l, n);
		r = log_put(w, w->fs->journal->block, NULL);
		for (u32 i = 0; r == 0 && i < n; i++, l = l->next)
			r = copy_write(w, list_entry(l, struct ext4_buffer, running_link));
		if (r != 0)
			return r;
		left -= n;
	}
	return 0;
}

static void commit_block_make(struct ext4 *fs)
{
	struct ext4_journal *j = fs->journal;
	struct jbd2_commit *commit = (struct jbd2_commit *)j->block;
	const struct ext4_buffer *b = ext4_buffer_find(fs, fs->super_block);
	const struct ext4_super *s;

	header_set(fs, JBD2_BLOCK_COMMIT);
	if (b != NULL) {
		s = (const struct ext4_super *)(b->data + fs->super_offset);
		commit->seconds = be64((u64)s->wtime_hi << 32 | s->wtime);
	}
	if (ext4_journal_has_checksums(j))
		commit->checksum[0] =
			be32(ext4_crc32c(ext4_journal_seed(j), j->block, fs->block_size));
}

/*
 * Zeroes where the commit block goes, with all that is before it: only its first sector is other than
 * that, and so it is there whole or not at all. One that is there in part is damage to others.
 */
static int commit_place_clear(struct writer *w)
{
	struct ext4_journal *j = w->fs->journal;

	memset(j->block, 0, w->fs->block_size);
	return writer_put(w, ext4_journal_place(j, w->at), j->block, NULL);
}

static int transaction_write(struct writer *w)
{
	struct ext4 *fs = w->fs;
	struct ext4_journal *j = fs->journal;
	int r = 0;

	if (j->super->start == 0)
		r = ext4_journal_super_write(fs, j->head, j->sequence);
	if (r == 0)
		r = revokes_write(w);
	if (r == 0)
		r = buffers_write(w);
	if (r == 0)
		r = commit_place_clear(w);
	if (r == 0)
		r = writer_flush(w);
	if (r == 0)
		r = ext4_device_flush(fs);
	if (r != 0)
		return r;
	commit_block_make(fs);
	r = ext4_blocks_write_through(fs, ext4_journal_place(j, w->at), j->block, 1);
	w->at = ext4_journal_next(j, w->at);
	return r;
}

static u32 distance(const struct ext4_journal *j, u32 from, u32 to)
{
	return to >= from ? to - from : to - from + (j->last - j->first);
}

int ext4_log_commit(struct ext4 *fs)
{
	struct ext4_journal *j = fs->journal;
	struct ext4_cache *c = fs->cache;
	struct writer w = { .fs = fs, .at = j->head };
	int r;

	if (c->failed)
		return -EIO;
	if (c->running_count > 0 || ext4_revokes_next(&c->revokes, NULL) != NULL) {
		r = transaction_write(&w);
		if (r != 0)
			return fail(fs, "a write of the journal", r);
		j->used += distance(j, j->head, w.at);
		j->head = w.at;
		j->sequence++;
		fs->uncommitted = false;
	}
	while (!list_empty(&c->running)) {
		struct ext4_buffer *b =
			list_entry(c->running.next, struct ext4_buffer, running_link);

		ext4_buffer_set_dirty(fs, b, true);
		ext4_buffer_set_running(fs, b, false);
	}
	ext4_revokes_clear(&c->revokes);
	return 0;
}

static u64 number(const struct list_node *l)
{
	return list_entry(l, struct ext4_buffer, dirty_link)->block;
}

/* Takes @a and @b, both by number, together into the empty @to. */
static void merge(struct list_node *to, struct list_node *a, struct list_node *b)
{
	while (!list_empty(a) && !list_empty(b))
		list_push_back(to, list_pop_front(number(a->next) < number(b->next) ? a : b));
	while (!list_empty(a))
		list_push_back(to, list_pop_front(a));
	while (!list_empty(b))
		list_push_back(to, list_pop_front(b));
}

/* By number; as deep as @count has bits. */
static void sort(struct list_node *head, u32 count)
{
	struct list_node a = LIST_INIT(a), b = LIST_INIT(b);

	if (count < 2)
		return;
	for (u32 i = 0; i < count / 2; i++)
		list_push_back(&a, list_pop_front(head));
	while (!list_empty(head))
		list_push_back(&b, list_pop_front(head));
	sort(&a, count / 2);
	sort(&b, count - count / 2);
	merge(head, &a, &b);
}

static int write_home(struct ext4 *fs)
{
	struct ext4_cache *c = fs->cache;
	struct writer w = { .fs = fs };

	sort(&c->dirty, c->dirty_count);
	list_for_each(l, &c->dirty)
	{
		const struct ext4_buffer *b = list_entry(l, struct ext4_buffer, dirty_link);
		int r = writer_put(&w, b->block, b->data, NULL);

		if (r != 0)
			return r;
	}
	return writer_flush(&w);
}

/* The dirty ones are home: they may go. */
static void clean_all(struct ext4 *fs)
{
	struct ext4_cache *c = fs->cache;

	while (!list_empty(&c->dirty)) {
		struct ext4_buffer *b = list_entry(c->dirty.next, struct ext4_buffer, dirty_link);

		ext4_buffer_set_dirty(fs, b, false);
		ext4_buffer_settle(fs, b);
	}
}

int ext4_checkpoint(struct ext4 *fs)
{
	struct ext4_journal *j = fs->journal;
	int r = j != NULL ? ext4_log_commit(fs) : 0;

	if (r != 0)
		return r;
	if (fs->device->limits.read_only)
		return 0;
	r = write_home(fs);
	if (r == 0)
		r = ext4_device_flush(fs);
	/* The superblock is home, with its mark. */
	if (r == 0 && ext4_journal_is_damaged(fs))
		j->super->error = 0;
	if (r == 0 && j != NULL && j->super->start != 0)
		r = ext4_journal_super_write(fs, 0, j->sequence);
	if (r != 0)
		return fail(fs, "a write of metadata", r);
	if (j != NULL)
		j->used = 0;
	fs->uncommitted = false;
	clean_all(fs);
	return 0;
}
