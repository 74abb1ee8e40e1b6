/* SPDX-License-Identifier: MIT */
/*
 * The journal's superblock, block 0 of it, and the mark in the volume's own one
 * that says that the journal is in use; with what follows from the journal's features.
 */
#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/block/block.h"
#include "rootpart/ext4/ext4_journal.h"
#include "rootpart/log.h"

#define KNOWN                                                                 \
	(JBD2_INCOMPAT_REVOKE | JBD2_INCOMPAT_64BIT | JBD2_INCOMPAT_CSUM_V2 | \
		JBD2_INCOMPAT_CSUM_V3 | JBD2_INCOMPAT_FAST)
#define CHECKSUMS           (JBD2_INCOMPAT_CSUM_V2 | JBD2_INCOMPAT_CSUM_V3)
#define LOG_BLOCKS_MIN      64u  /* less is no log */
#define FAST_BLOCKS_DEFAULT 256u /* of fast commits, if 0 stands there */

int ext4_journal_refuse(struct ext4 *fs, int error, const char *what, u64 where)
{
	log_printf("ext4: %s: journal: %s %llu", fs->device->name, what, (unsigned long long)where);
	return error;
}

static u32 super_checksum(const struct jbd2_super *s)
{
	u32 at = offsetof(struct jbd2_super, checksum), zero = 0;
	u32 crc = ext4_crc32c(~0u, s, at);

	crc = ext4_crc32c(crc, &zero, sizeof(zero));
	return ext4_crc32c(crc, (const u8 *)s + at + sizeof(zero), sizeof(*s) - at - sizeof(zero));
}

static int features_check(struct ext4 *fs, const struct ext4_journal *j)
{
	const struct jbd2_super *s = j->super;
	u32 incompat = be32(s->feature_incompat);

	if ((incompat & ~(u32)KNOWN) != 0 || (incompat & CHECKSUMS) == CHECKSUMS)
		return ext4_journal_refuse(fs, -ENOTSUP, "unknown features, incompat", incompat);
	if (s->feature_ro_compat != 0)
		return ext4_journal_refuse(
			fs, -ENOTSUP, "unknown features, ro_compat", be32(s->feature_ro_compat));
	if (be32(s->feature_compat) & ~(u32)JBD2_COMPAT_CHECKSUM)
		return ext4_journal_refuse(
			fs, -ENOTSUP, "unknown features, compat", be32(s->feature_compat));
	if (!(incompat & CHECKSUMS))
		return 0;
	if (s->checksum_type != JBD2_CHECKSUM_CRC32C)
		return ext4_journal_refuse(fs, -ENOTSUP, "checksums of type", s->checksum_type);
	if (be32(s->checksum) != super_checksum(s))
		return ext4_journal_refuse(fs, -EINVAL, "wrong checksum of its superblock", 0);
	return 0;
}

static int geometry_check(struct ext4 *fs, struct ext4_journal *j)
{
	const struct jbd2_super *s = j->super;
	u32 fast = 0, start = be32(s->start), length = be32(s->max_len);

	if (be32(s->block_size) != fs->block_size)
		return ext4_journal_refuse(fs, -EINVAL, "block size", be32(s->block_size));
	if (length > j->blocks)
		return ext4_journal_refuse(fs, -EINVAL, "longer than its file:", length);
	if (ext4_journal_has(j, JBD2_INCOMPAT_FAST))
		fast = s->fast_blocks != 0 ? be32(s->fast_blocks) : FAST_BLOCKS_DEFAULT;
	/* Behind the log's end one block is left out, then come the fast commits. */
	j->first = be32(s->first);
	j->last = length - MIN(fast, length);
	j->fast = fast > 1 ? j->last + 1 : 0;
	if (j->first == 0 || j->first >= j->last || j->last - j->first < LOG_BLOCKS_MIN)
		return ext4_journal_refuse(fs, -EINVAL, "too short:", j->last);
	if (start != 0 && (start < j->first || start >= j->last))
		return ext4_journal_refuse(fs, -EINVAL, "it begins outside of it:", start);
	return 0;
}

int ext4_journal_super_read(struct ext4 *fs, struct ext4_journal *j)
{
	const struct jbd2_super *s = j->super;
	int r = ext4_blocks_read(fs, ext4_journal_place(j, 0), j->super_block, 1);

	if (r != 0)
		return r;
	if (be32(s->header.magic) != JBD2_MAGIC || be32(s->header.type) != JBD2_BLOCK_SUPER_V2)
		return ext4_journal_refuse(
			fs, -EINVAL, "no superblock, type", be32(s->header.type));
	r = features_check(fs, j);
	if (r == 0)
		r = geometry_check(fs, j);
	if (r == 0 && s->error != 0)
		log_printf("ext4: %s: journal: whoever wrote it had an error", fs->device->name);
	return r;
}

int ext4_journal_super_write(struct ext4 *fs, u32 start, u32 sequence)
{
	struct ext4_journal *j = fs->journal;
	struct jbd2_super *s = j->super;

	s->start = be32(start);
	s->sequence = be32(sequence);
	if (ext4_journal_has_checksums(j))
		s->checksum = be32(super_checksum(s));
	return ext4_blocks_write_through(fs, ext4_journal_place(j, 0), j->super_block, 1);
}

void ext4_journal_mark_damaged(struct ext4 *fs)
{
	struct ext4_journal *j = fs->journal;

	if (j == NULL || !j->ready || j->super->start == 0)
		return;
	j->super->error = be32((u32)-JBD2_ERROR_DAMAGED);
	(void)ext4_journal_super_write(fs, be32(j->super->start), be32(j->super->sequence));
}

bool ext4_journal_is_damaged(const struct ext4 *fs)
{
	return fs->journal != NULL && fs->journal->super->error == be32((u32)-JBD2_ERROR_DAMAGED);
}

int ext4_journal_clear_error(struct ext4 *fs)
{
	struct ext4_journal *j = fs->journal;

	if (j == NULL || j->super->error == 0)
		return 0;
	j->super->error = 0;
	return ext4_journal_super_write(fs, 0, be32(j->super->sequence));
}

void ext4_journal_set_features(struct ext4 *fs, struct ext4_journal *j)
{
	struct jbd2_super *s = j->super;
	u32 incompat = be32(s->feature_incompat) & ~(u32)(CHECKSUMS | JBD2_INCOMPAT_64BIT);

	incompat |= (u32)JBD2_INCOMPAT_REVOKE;
	if (ext4_has_incompat(fs, EXT4_INCOMPAT_64BIT))
		incompat |= (u32)JBD2_INCOMPAT_64BIT;
	if (fs->checksums)
		incompat |= (u32)JBD2_INCOMPAT_CSUM_V3;
	s->feature_compat = 0;
	s->feature_incompat = be32(incompat);
	s->checksum_type = fs->checksums ? JBD2_CHECKSUM_CRC32C : 0;
	s->checksum = 0;
}

/*
 * The superblock's buffer has nothing that is not on the medium: this is before the
 * first operation, or behind the last checkpoint.
 */
int ext4_recover_mark(struct ext4 *fs, bool in_use)
{
	struct ext4_buffer *b;
	struct ext4_super *s, old;
	int r = ext4_buffer_get(fs, fs->super_block, &b);

	if (r != 0)
		return r;
	s = (struct ext4_super *)(b->data + fs->super_offset);
	old = *s;
	s->feature_incompat &= ~(u32)EXT4_INCOMPAT_RECOVER;
	if (in_use)
		s->feature_incompat |= (u32)EXT4_INCOMPAT_RECOVER;
	if (s->feature_incompat != old.feature_incompat) {
		if (fs->checksums)
			s->checksum = ext4_crc32c(~0u, s, offsetof(struct ext4_super, checksum));
		r = ext4_blocks_write_through(fs, b->block, b->data, 1);
		if (r != 0)
			*s = old;
	}
	ext4_buffer_put(fs, b);
	return r;
}

u32 ext4_journal_seed(const struct ext4_journal *j)
{
	return ext4_crc32c(~0u, j->super->uuid, sizeof(j->super->uuid));
}

u32 ext4_journal_tag_size(const struct ext4_journal *j)
{
	u32 size = 8;

	if (ext4_journal_has(j, JBD2_INCOMPAT_CSUM_V3))
		return sizeof(struct jbd2_tag3);
	if (ext4_journal_has(j, JBD2_INCOMPAT_64BIT))
		size += 4;
	/* Two bytes that nothing is in: as those who defined it count. */
	if (ext4_journal_has(j, JBD2_INCOMPAT_CSUM_V2))
		size += 2;
	return size;
}

u32 ext4_journal_usable(const struct ext4 *fs, const struct ext4_journal *j)
{
	u32 tail = ext4_journal_has_checksums(j) ? (u32)sizeof(struct jbd2_tail) : 0;

	return fs->block_size - tail;
}

u32 ext4_journal_block_checksum(
	const struct ext4_journal *j, u32 sequence, const u8 *data, u32 size, bool escaped)
{
	u32 number = be32(sequence), zero = 0;
	u32 crc = ext4_crc32c(ext4_journal_seed(j), &number, sizeof(number));

	crc = ext4_crc32c(crc, escaped ? (const u8 *)&zero : data, sizeof(zero));
	return ext4_crc32c(crc, data + sizeof(zero), size - sizeof(zero));
}
