/* SPDX-License-Identifier: MIT */
/*
 * A volume for tests of ext4's lower layers: a small image by mke2fs, and a struct
 * ext4 of it that is filled from the superblock by hand, so that nothing of what mounts
 * takes part.
 */
#pragma once

#include <stdio.h>
#include <string.h>

#include "rootpart/ext4/ext4_journal.h"
#include "tests/unit/image_disk.h"

struct volume_kind {
	const char *name;
	const char *features; /* behind "none," */
	u32 block_size;
	u32 kib;
	u32 journal_mib; /* 0: none */
};

#define VOLUME_COMMON "extent,filetype,sparse_super,large_file,extra_isize"
#define VOLUME_CSUM   VOLUME_COMMON ",has_journal,64bit,flex_bg,metadata_csum,metadata_csum_seed"

__attribute__((unused)) static const struct volume_kind volume_kinds[] = {
	{ "csum1k", VOLUME_CSUM, 1024, 8192, 1 },
	{ "csum4k", VOLUME_CSUM, 4096, 16384, 4 },
	{ "plain1k", VOLUME_COMMON ",has_journal", 1024, 8192, 1 },
	{ "wide4k", VOLUME_COMMON ",has_journal,64bit,flex_bg", 4096, 16384, 4 },
};

struct volume {
	struct image_disk disk;
	struct ext4 fs;
};

/* Makes FOLDER/NAME once; returns its path. */
static inline const char *volume_image(const struct volume_kind *k)
{
	static char path[256];
	char journal[32] = "";
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", image_folder(), k->name);
	f = fopen(path, "rb");
	if (f != NULL) {
		fclose(f);
		return path;
	}
	if (k->journal_mib != 0)
		snprintf(journal, sizeof(journal), "-J size=%u", k->journal_mib);
	if (image_command("mke2fs -q -F -t ext4 -O none,%s -b %u -I 256 -m 0 "
			  "-E lazy_itable_init=0,lazy_journal_init=0 %s %s %uK",
		    k->features, k->block_size, journal, path, k->kib) != 0)
		__builtin_trap();
	return path;
}

/* From the superblock in v->disk. */
static inline void volume_fill(struct volume *v)
{
	const struct ext4_super *s = (const void *)(v->disk.bytes + EXT4_SUPER_OFFSET);
	struct ext4 *fs = &v->fs;

	*fs = (struct ext4){ .device = &v->disk.d };
	mutex_init(&fs->lock);
	list_init(&fs->nodes);
	fs->block_bits = 10 + s->log_block_size;
	fs->block_size = 1u << fs->block_bits;
	fs->blocks = s->blocks_count_lo;
	fs->first_data_block = s->first_data_block;
	fs->blocks_per_group = s->blocks_per_group;
	fs->inodes_per_group = s->inodes_per_group;
	fs->inodes = s->inodes_count;
	fs->inode_size = s->inode_size;
	fs->group_count = (u32)((fs->blocks - fs->first_data_block + s->blocks_per_group - 1) /
				s->blocks_per_group);
	fs->first_ino = s->first_ino;
	fs->feature_compat = s->feature_compat;
	fs->feature_incompat = s->feature_incompat;
	fs->feature_ro_compat = s->feature_ro_compat;
	fs->desc_size = ext4_has_incompat(fs, EXT4_INCOMPAT_64BIT) ? s->desc_size : 32;
	fs->checksums = ext4_has_ro(fs, EXT4_RO_METADATA_CSUM);
	fs->seed = ext4_has_incompat(fs, EXT4_INCOMPAT_CSUM_SEED)
			   ? s->checksum_seed
			   : ext4_crc32c(~0u, s->uuid, sizeof(s->uuid));
	fs->super_block = EXT4_SUPER_OFFSET / fs->block_size;
	fs->super_offset = EXT4_SUPER_OFFSET % fs->block_size;
}

/* On what v->disk has. An error: nothing is left. */
[[nodiscard]] static inline int volume_open(struct volume *v)
{
	int r;

	volume_fill(v);
	r = ext4_cache_create(&v->fs);
	if (r == 0)
		r = ext4_journal_open(&v->fs);
	if (r != 0)
		ext4_cache_free(&v->fs);
	return r;
}

[[nodiscard]] static inline int volume_close(struct volume *v)
{
	int r = ext4_journal_close(&v->fs);

	ext4_cache_free(&v->fs);
	return r;
}

static inline u8 *volume_block(struct volume *v, u64 block)
{
	return v->disk.bytes + block * v->fs.block_size;
}
