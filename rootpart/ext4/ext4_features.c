/* SPDX-License-Identifier: MIT */
/*
 * Features of a volume: which of them we do, which forbid writing, and which mounting.
 * Those of the compat kind need not be known.
 */
#include "base/errno.h"
#include "rootpart/block/block.h"
#include "rootpart/ext4/ext4_space.h"
#include "rootpart/log.h"

struct feature {
	u32 bit;
	bool done;
	const char *name;
};

static const struct feature incompat[] = {
	{ BIT(0), false, "compression" },
	{ EXT4_INCOMPAT_FILETYPE, true, "filetype" },
	{ EXT4_INCOMPAT_RECOVER, true, "needs_recovery" },
	{ EXT4_INCOMPAT_JOURNAL_DEV, false, "journal_dev" },
	{ EXT4_INCOMPAT_META_BG, false, "meta_bg" },
	{ EXT4_INCOMPAT_EXTENTS, true, "extent" },
	{ EXT4_INCOMPAT_64BIT, true, "64bit" },
	{ BIT(8), false, "mmp" },
	{ EXT4_INCOMPAT_FLEX_BG, true, "flex_bg" },
	{ BIT(10), false, "ea_inode" },
	{ BIT(12), false, "dirdata" },
	{ EXT4_INCOMPAT_CSUM_SEED, true, "metadata_csum_seed" },
	{ EXT4_INCOMPAT_LARGEDIR, false, "large_dir" },
	{ EXT4_INCOMPAT_INLINE_DATA, false, "inline_data" },
	{ BIT(16), false, "encrypt" },
	{ BIT(17), false, "casefold" },
};

static const struct feature ro_compat[] = {
	{ EXT4_RO_SPARSE_SUPER, true, "sparse_super" },
	{ EXT4_RO_LARGE_FILE, true, "large_file" },
	{ BIT(2), false, "btree_dir" },
	{ EXT4_RO_HUGE_FILE, true, "huge_file" },
	{ EXT4_RO_GDT_CSUM, false, "uninit_bg" },
	{ EXT4_RO_DIR_NLINK, true, "dir_nlink" },
	{ EXT4_RO_EXTRA_ISIZE, true, "extra_isize" },
	{ BIT(7), false, "has_snapshot" },
	{ BIT(8), false, "quota" },
	{ BIT(9), false, "bigalloc" },
	{ EXT4_RO_METADATA_CSUM, true, "metadata_csum" },
	{ BIT(11), false, "replica" },
	{ BIT(12), false, "read-only" },
	{ BIT(13), false, "project" },
	{ BIT(14), false, "shared_blocks" },
	{ BIT(15), false, "verity" },
	{ EXT4_RO_ORPHAN_PRESENT, true, "orphan_present" },
};

/* What every volume has to have; anything that is called ext4 does. */
static const struct feature needed[] = {
	{ EXT4_INCOMPAT_FILETYPE, true, "filetype" },
	{ EXT4_INCOMPAT_EXTENTS, true, "extent" },
};

static const struct feature *find(const struct feature *table, size_t count, u32 bit)
{
	for (size_t i = 0; i < count; i++)
		if (table[i].bit == bit)
			return &table[i];
	return NULL;
}

/* Names all bits of @set that are not done; how many there are. */
static u32 refuse(
	const struct ext4 *fs, const struct feature *table, size_t count, u32 set, const char *what)
{
	u32 refused = 0;

	for (u32 n = 0; n < 32; n++) {
		const struct feature *f = find(table, count, (u32)BIT(n));

		if (!(set & BIT(n)) || (f != NULL && f->done))
			continue;
		refused++;
		if (f != NULL)
			log_printf("ext4: %s: %s: feature %s", fs->device->name, what, f->name);
		else
			log_printf(
				"ext4: %s: %s: unknown feature bit=%u", fs->device->name, what, n);
	}
	return refused;
}

int ext4_features_check(struct ext4 *fs, const struct ext4_super *s)
{
	u32 ro = s->feature_ro_compat;

	if (refuse(fs, incompat, ARRAY_SIZE(incompat), s->feature_incompat, "not mounted") > 0)
		return -ENOTSUP;
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++) {
		if (s->feature_incompat & needed[i].bit)
			continue;
		log_printf(
			"ext4: %s: not mounted: no feature %s", fs->device->name, needed[i].name);
		return -ENOTSUP;
	}
	/* METADATA_CSUM comes instead of it, also where both are named. */
	if (ro & EXT4_RO_METADATA_CSUM)
		ro &= ~(u32)EXT4_RO_GDT_CSUM;
	if (refuse(fs, ro_compat, ARRAY_SIZE(ro_compat), ro, "read-only") > 0) {
		fs->read_only = true;
		fs->why = "it has features that are not known";
	}
	return 0;
}
