/* SPDX-License-Identifier: MIT */
/*
 * Replay: what a log has is written to where it belongs, in three passes over it. The
 * first finds where the log ends, and checks all of it; the second gathers revoked
 * blocks; the third writes. A pass follows the log block by block, and visits no more
 * blocks than the log has.
 *
 * A transaction is in the log if its commit block is. The last one may be damaged (checksums,
 * numbers of blocks): the log ends before it. One that has good ones behind it may not: then
 * nothing is written.
 */
#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/block/block.h"
#include "rootpart/ext4/ext4_journal.h"
#include "rootpart/heap.h"
#include "rootpart/log.h"

#define REVOKES_MAX (1u << 20)

enum pass { PASS_SCAN, PASS_REVOKE, PASS_REPLAY };

struct replay {
	struct ext4 *fs;
	struct ext4_journal *j;
	enum pass pass;
	u32 at;       /* block of the log */
	u32 visited;  /* blocks in this pass */
	u32 sequence; /* of the transaction that it is in */
	u32 end;      /* the first that is not replayed */
	bool bad;     /* scan: transaction @end is damaged */
	u32 crc;      /* of a transaction, with COMPAT_CHECKSUM */
	u8 *data;     /* a block's copy */
	u64 written;
	struct ext4_revokes revokes;
};

/* What a tag says, whatever its form. */
struct tag {
	u64 block;
	u32 flags;
	u32 checksum; /* or its lower half */
};

/* 1: read; 0: the pass has seen the whole log. */
static int next_block(struct replay *r, u8 *to)
{
	int error;

	if (r->visited == r->j->last - r->j->first)
		return 0;
	r->visited++;
	error = ext4_blocks_read(r->fs, ext4_journal_place(r->j, r->at), to, 1);
	r->at = ext4_journal_next(r->j, r->at);
	return error != 0 ? error : 1;
}

static bool has_crc(const struct replay *r)
{
	return be32(r->j->super->feature_compat) & (u32)JBD2_COMPAT_CHECKSUM;
}

/* Another CRC, of the high bit first, by which COMPAT_CHECKSUM covers a transaction. */
static void crc_add(struct replay *r, const u8 *data)
{
	if (r->pass != PASS_SCAN || !has_crc(r))
		return;
	for (u32 i = 0; i < r->fs->block_size; i++) {
		r->crc ^= (u32)data[i] << 24;
		for (u32 bit = 0; bit < 8; bit++)
			r->crc = r->crc << 1 ^ (r->crc >> 31 != 0 ? 0x04c11db7u : 0);
	}
}

/* The transaction makes no sense. If it is committed, the log ends before it. */
static void spoil(struct replay *r)
{
	if (!r->bad)
		r->end = r->sequence;
	r->bad = true;
}

/* Of a descriptor or revoke block: its last four bytes, 0 while they are counted. */
static bool tail_good(const struct replay *r, u8 *block)
{
	u32 end = ext4_journal_usable(r->fs, r->j), stored, zero = 0, crc;

	if (end == r->fs->block_size)
		return true;
	memcpy(&stored, block + end, sizeof(stored));
	crc = ext4_crc32c(ext4_journal_seed(r->j), block, end);
	return be32(stored) == ext4_crc32c(crc, &zero, sizeof(zero));
}

static struct tag tag_read(const struct ext4_journal *j, const u8 *at)
{
	struct jbd2_tag3 wide;
	struct jbd2_tag plain;
	bool high = ext4_journal_has(j, JBD2_INCOMPAT_64BIT);

	if (ext4_journal_has(j, JBD2_INCOMPAT_CSUM_V3)) {
		memcpy(&wide, at, sizeof(wide));
		return (struct tag){ (high ? (u64)be32(wide.block_hi) << 32 : 0) |
					     be32(wide.block_lo),
			be32(wide.flags), be32(wide.checksum) };
	}
	memcpy(&plain, at, high ? sizeof(plain) : offsetof(struct jbd2_tag, block_hi));
	return (struct tag){ (high ? (u64)be32(plain.block_hi) << 32 : 0) | be32(plain.block_lo),
		be16(plain.flags), be16(plain.checksum) };
}

static bool copy_good(const struct replay *r, const struct tag *tag)
{
	u32 crc;

	if (tag->block >= r->fs->blocks || ext4_journal_owns(r->j, tag->block))
		return false;
	if (!ext4_journal_has_checksums(r->j))
		return true;
	crc = ext4_journal_block_checksum(r->j, r->sequence, r->data, r->fs->block_size, false);
	return tag->checksum ==
	       (ext4_journal_has(r->j, JBD2_INCOMPAT_CSUM_V3) ? crc : (crc & 0xffff));
}

static bool is_revoked(const struct replay *r, u64 block)
{
	const struct ext4_revoke *e = ext4_revokes_find(&r->revokes, block);

	return e != NULL && e->sequence >= r->sequence - be32(r->j->super->sequence);
}

static int copy_home(struct replay *r, const struct tag *tag)
{
	u32 magic = be32(JBD2_MAGIC);
	struct ext4_buffer *b;

	if (is_revoked(r, tag->block))
		return 0;
	if (tag->flags & JBD2_TAG_ESCAPED)
		memcpy(r->data, &magic, sizeof(magic));
	b = ext4_buffer_find(r->fs, tag->block);
	if (b != NULL)
		memcpy(b->data, r->data, r->fs->block_size);
	r->written++;
	return ext4_blocks_write(r->fs, tag->block, r->data, 1);
}

static int tag_visit(struct replay *r, const struct tag *tag)
{
	int error;

	if (r->pass == PASS_REVOKE) {
		r->at = ext4_journal_next(r->j, r->at);
		return r->visited++ < r->j->last - r->j->first;
	}
	error = next_block(r, r->data);
	if (error <= 0)
		return error;
	crc_add(r, r->data);
	if (!copy_good(r, tag)) {
		if (r->pass == PASS_REPLAY)
			return -EIO; /* it was good when it was read before */
		spoil(r);
	}
	error = r->pass == PASS_REPLAY ? copy_home(r, tag) : 0;
	return error != 0 ? error : 1;
}

/* The visits return 1 to go on, 0 at the log's end, or an error. */
static int descriptor_visit(struct replay *r, u8 *block)
{
	u32 size = ext4_journal_tag_size(r->j), end = ext4_journal_usable(r->fs, r->j);
	u32 at = sizeof(struct jbd2_header);
	struct tag tag = { 0 };
	int error;

	if (r->pass == PASS_SCAN && !tail_good(r, block))
		spoil(r);
	crc_add(r, block);
	while (!(tag.flags & JBD2_TAG_LAST) && at + size <= end) {
		tag = tag_read(r->j, block + at);
		at += size;
		if (!(tag.flags & JBD2_TAG_SAME_UUID))
			at += JBD2_UUID_SIZE;
		error = tag_visit(r, &tag);
		if (error <= 0)
			return error;
	}
	return 1;
}

static int revoke_record(struct replay *r, u64 block)
{
	struct ext4_revoke *e;

	if (r->revokes.count >= REVOKES_MAX)
		return ext4_journal_refuse(r->fs, -EINVAL, "too many revoked blocks:", REVOKES_MAX);
	e = ext4_revokes_add(&r->revokes, block);
	if (e == NULL)
		return -ENOMEM;
	/* Passes go forward: the last one counts. */
	e->sequence = r->sequence - be32(r->j->super->sequence);
	return 0;
}

static int revoke_visit(struct replay *r, u8 *block)
{
	const struct jbd2_revoke *h = (const struct jbd2_revoke *)block;
	u32 size = ext4_journal_has(r->j, JBD2_INCOMPAT_64BIT) ? 8 : 4, end = be32(h->count);
	int error = 0;

	if (r->pass == PASS_SCAN && (end < sizeof(*h) || end > ext4_journal_usable(r->fs, r->j) ||
					    !tail_good(r, block)))
		spoil(r);
	if (r->pass != PASS_REVOKE)
		return 1;
	for (u32 at = sizeof(*h); error == 0 && at + size <= end; at += size) {
		u32 high = 0, low;

		if (size == 8)
			memcpy(&high, block + at, sizeof(high));
		memcpy(&low, block + at + size - sizeof(low), sizeof(low));
		error = revoke_record(r, (u64)be32(high) << 32 | be32(low));
	}
	return error != 0 ? error : 1;
}

static bool commit_good(const struct replay *r, u8 *block)
{
	struct jbd2_commit *commit = (struct jbd2_commit *)block;
	u32 stored = be32(commit->checksum[0]);

	if (ext4_journal_has_checksums(r->j)) {
		commit->checksum[0] = 0;
		return stored == ext4_crc32c(ext4_journal_seed(r->j), block, r->fs->block_size);
	}
	if (!has_crc(r) || (commit->checksum_type | commit->checksum_size | stored) == 0)
		return true;
	return commit->checksum_type == 1 && commit->checksum_size == 4 && stored == r->crc;
}

static int commit_visit(struct replay *r, u8 *block)
{
	if (r->pass == PASS_SCAN && !commit_good(r, block))
		spoil(r);
	if (r->bad && r->end != r->sequence)
		return ext4_journal_refuse(r->fs, -EINVAL, "damaged transaction", r->end);
	r->crc = ~0u;
	r->sequence++;
	return 1;
}

static int block_visit(struct replay *r, u8 *block)
{
	const struct jbd2_header *h = (const struct jbd2_header *)block;

	if (be32(h->magic) != JBD2_MAGIC || be32(h->sequence) != r->sequence)
		return 0;
	switch (be32(h->type)) {
	case JBD2_BLOCK_DESCRIPTOR:
		return descriptor_visit(r, block);
	case JBD2_BLOCK_REVOKE:
		return revoke_visit(r, block);
	case JBD2_BLOCK_COMMIT:
		return commit_visit(r, block);
	default:
		return 0;
	}
}

static int run_pass(struct replay *r, enum pass pass)
{
	int more = 1;

	r->pass = pass;
	r->at = be32(r->j->super->start);
	r->sequence = be32(r->j->super->sequence);
	r->visited = 0;
	r->crc = ~0u;
	while (more == 1 && (pass == PASS_SCAN || r->sequence != r->end)) {
		more = next_block(r, r->j->block);
		if (more == 1)
			more = block_visit(r, r->j->block);
	}
	if (more >= 0 && pass != PASS_SCAN && r->sequence != r->end)
		return -EIO; /* the scan came further */
	return more < 0 ? more : 0;
}

/*
 * Fast commits lie behind the log. They hold something if their first block begins with
 * a head that names the transaction that would come next.
 */
static int fast_check(struct replay *r)
{
	struct {
		u16 tag, len;
		u32 features, sequence;
	} head;
	int error;

	if (r->j->fast == 0)
		return 0;
	error = ext4_blocks_read(r->fs, ext4_journal_place(r->j, r->j->fast), r->data, 1);
	if (error != 0)
		return error;
	memcpy(&head, r->data, sizeof(head));
	if (head.tag != 9 || head.sequence != r->end)
		return 0;
	return ext4_journal_refuse(r->fs, -ENOTSUP, "fast commits behind transaction", r->end - 1);
}

static int replay_all(struct replay *r)
{
	int error = run_pass(r, PASS_SCAN);
	u32 next = r->sequence + 1;

	if (error != 0)
		return error;
	if (!r->bad)
		r->end = r->sequence;
	r->bad = false;
	error = fast_check(r);
	if (error == 0)
		error = run_pass(r, PASS_REVOKE);
	if (error == 0)
		error = run_pass(r, PASS_REPLAY);
	if (error == 0)
		error = ext4_device_flush(r->fs);
	if (error == 0)
		error = ext4_journal_super_write(r->fs, 0, next);
	r->j->sequence = next;
	return error;
}

int ext4_replay(struct ext4 *fs, struct ext4_journal *j)
{
	struct replay r = { .fs = fs, .j = j };
	u32 first = be32(j->super->sequence);
	int error = ext4_revokes_create(&r.revokes);

	r.data = kmalloc(fs->block_size);
	if (error == 0)
		error = r.data != NULL ? replay_all(&r) : -ENOMEM;
	if (error == 0)
		log_printf("ext4: %s: journal replayed, %u transactions, %llu blocks",
			fs->device->name, r.end - first, (unsigned long long)r.written);
	ext4_revokes_free(&r.revokes);
	kfree(r.data);
	return error;
}
