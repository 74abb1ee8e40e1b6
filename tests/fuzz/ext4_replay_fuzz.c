/* SPDX-License-Identifier: MIT */
/*
 * Opens journals with changed bytes. A small volume is made here, and its journal written by the
 * code itself, so that there is a log of some transactions; the input changes it: byte 0:
 * whether there are checksums (1), and whether they are made right again (2); then four bytes a
 * change: block of the journal, offset in it / 4, and the highest and the lowest byte's bits that are
 * turned around there. What opens can be written and closed.
 * sources: rootpart/ext4/ext4_buffer.c rootpart/ext4/ext4_commit.c rootpart/ext4/ext4_crc.c
 * sources: rootpart/ext4/ext4_journal.c rootpart/ext4/ext4_journal_map.c
 * sources: rootpart/ext4/ext4_journal_super.c rootpart/ext4/ext4_replay.c
 * sources: rootpart/ext4/ext4_revoke.c tests/unit/image_disk.c
 */
#include <stdlib.h>

#include "rootpart/heap.h"
#include "tests/unit/ext4_volume.h"

#define BLOCK   1024u
#define BLOCKS  320u
#define TABLE   5u  /* of inodes */
#define JOURNAL 40u /* its first block */
#define LENGTH  128u
#define FREE    200u

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static void expect(bool good)
{
	if (!good)
		__builtin_trap();
}

/* Just as much as the journal's layer looks at. */
static void volume_make(struct volume *v, bool checksums)
{
	struct ext4_extent_header root = { EXT4_EXTENT_MAGIC, 1, 4, 0, 0 };
	struct ext4_extent extent = { 0, LENGTH, 0, JOURNAL };
	struct jbd2_super *j;
	struct ext4_super *s;
	struct ext4_inode *i;
	u32 crc;

	image_disk_make(&v->disk, BLOCKS * BLOCK, 512);
	s = (void *)(v->disk.bytes + BLOCK);
	*s = (struct ext4_super){ .inodes_count = 16,
		.blocks_count_lo = BLOCKS,
		.first_data_block = 1,
		.blocks_per_group = 8192,
		.inodes_per_group = 16,
		.first_ino = 11,
		.inode_size = 128,
		.journal_inum = 8,
		.feature_compat = EXT4_COMPAT_HAS_JOURNAL,
		.feature_ro_compat = checksums ? EXT4_RO_METADATA_CSUM : 0 };
	((struct ext4_group *)(v->disk.bytes + 2 * BLOCK))->inode_table_lo = TABLE;
	i = (void *)(v->disk.bytes + TABLE * BLOCK + 7 * 128);
	i->mode = EXT4_S_IFREG;
	i->links_count = 1;
	i->flags = EXT4_FL_EXTENTS;
	memcpy(i->block, &root, sizeof(root));
	memcpy(i->block + sizeof(root), &extent, sizeof(extent));
	volume_fill(v);
	crc = ext4_crc32c(v->fs.seed, &(u32){ 8 }, 4);
	crc = ext4_crc32c(ext4_crc32c(crc, &i->generation, 4), i, 128);
	i->checksum_lo = (u16)crc;
	j = (void *)(v->disk.bytes + JOURNAL * BLOCK);
	*j = (struct jbd2_super){ .header = { be32(JBD2_MAGIC), be32(JBD2_BLOCK_SUPER_V2), 0 },
		.block_size = be32(BLOCK),
		.max_len = be32(LENGTH),
		.first = be32(1),
		.sequence = be32(1) };
}

/* Transactions with copies, an escape, and revoked blocks. */
static void log_make(struct volume *v)
{
	expect(volume_open(v) == 0);
	for (u32 t = 0; t < 5; t++) {
		struct ext4_buffer *b;

		expect(ext4_begin(&v->fs, 4) == 0);
		for (u32 k = 0; k < 3; k++) {
			expect(ext4_buffer_new(&v->fs, FREE + 2 * t + k, &b) == 0);
			memset(b->data, (int)(t + 1), BLOCK);
			if (k == 1)
				memcpy(b->data, &(u32){ be32(JBD2_MAGIC) }, 4);
			ext4_buffer_put(&v->fs, b);
		}
		if (t > 0)
			expect(ext4_forget(&v->fs, FREE + 2 * t - 1) == 0);
		expect(ext4_end(&v->fs, 0) == 0);
		expect(ext4_commit(&v->fs) == 0);
	}
}

static void volume_drop(struct volume *v)
{
	kfree(v->fs.journal->runs);
	kfree(v->fs.journal->super_block);
	kfree(v->fs.journal->block);
	kfree(v->fs.journal);
	ext4_cache_free(&v->fs);
}

static void seal(u8 *journal)
{
	struct jbd2_super *s = (void *)journal;
	u32 seed = ext4_crc32c(~0u, s->uuid, sizeof(s->uuid));

	s->checksum = 0;
	s->checksum = be32(ext4_crc32c(~0u, s, sizeof(*s)));
	for (u8 *b = journal + BLOCK; b < journal + LENGTH * BLOCK; b += BLOCK) {
		const struct jbd2_header *h = (const void *)b;
		u32 at = h->type == be32(JBD2_BLOCK_COMMIT) ? 16 : BLOCK - 4, crc = 0;

		if (h->magic != be32(JBD2_MAGIC))
			continue;
		memcpy(b + at, &crc, sizeof(crc));
		crc = be32(ext4_crc32c(seed, b, BLOCK));
		memcpy(b + at, &crc, sizeof(crc));
	}
}

static void change(u8 *journal, const u8 *data, size_t size)
{
	for (; size >= 4; data += 4, size -= 4) {
		u32 at = data[0] % 32u * BLOCK + data[1] * 4u, word;

		memcpy(&word, journal + at, sizeof(word));
		word ^= be32((u32)data[2] << 24 | data[3]);
		memcpy(journal + at, &word, sizeof(word));
	}
}

static void use(struct volume *v)
{
	struct ext4_buffer *b;

	if (ext4_begin(&v->fs, 2) == 0) {
		expect(ext4_buffer_new(&v->fs, FREE + 50, &b) == 0);
		memset(b->data, 9, BLOCK);
		ext4_buffer_put(&v->fs, b);
		expect(ext4_end(&v->fs, 0) == 0);
		expect(ext4_commit(&v->fs) == 0);
	}
	expect(volume_close(v) == 0);
	expect(v->disk.bytes[(FREE + 50) * BLOCK] == 9);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static struct volume made[2];
	struct volume v;
	bool checksums = size > 0 && (data[0] & 1);
	u64 objects;

	if (size == 0)
		return 0;
	if (made[checksums].disk.bytes == NULL) {
		volume_make(&made[checksums], checksums);
		log_make(&made[checksums]);
		volume_drop(&made[checksums]);
	}
	objects = image_objects;
	image_disk_make(&v.disk, BLOCKS * BLOCK, 512);
	memcpy(v.disk.bytes, made[checksums].disk.bytes, BLOCKS * BLOCK);
	change(v.disk.bytes + JOURNAL * BLOCK, data + 1, size - 1);
	if (data[0] & 2)
		seal(v.disk.bytes + JOURNAL * BLOCK);
	if (volume_open(&v) == 0)
		use(&v);
	image_disk_free(&v.disk);
	expect(image_objects == objects);
	return 0;
}
