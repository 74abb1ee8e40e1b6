/* SPDX-License-Identifier: MIT */
/*
 * Mounting and unmounting, and what is asked of the whole volume. While it is mounted
 * for writing, the superblock says on the medium that the journal and the orphan file may have to
 * be seen to.
 */
#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/block/block.h"
#include "rootpart/ext4/ext4_journal.h"
#include "rootpart/ext4/ext4_space.h"
#include "rootpart/heap.h"
#include "rootpart/log.h"

static void copy_label(char *label, const struct ext4_super *s)
{
	memcpy(label, s->volume_name, EXT4_LABEL_SIZE);
	label[EXT4_LABEL_SIZE] = '\0';
}

bool ext4_probe(struct block_device *d, char *label)
{
	struct ext4_super *s = kmalloc(sizeof(*s));
	bool is = s != NULL && ext4_super_read(d, s) == 0 && s->magic == EXT4_MAGIC;

	if (is)
		copy_label(label, s);
	kfree(s);
	return is;
}

static int refuse(const struct ext4 *fs, const char *why, int error)
{
	log_printf("ext4: %s: not mounted: %s", fs->device->name, why);
	return error;
}

/* Reads and checks the superblock. *@damaged: it says that damage was found before. */
static int load(struct ext4 *fs, bool *damaged)
{
	struct ext4_super *s = kmalloc(sizeof(*s));
	int r = s != NULL ? ext4_super_read(fs->device, s) : -ENOMEM;

	if (r == -EINVAL || (r == 0 && s->magic != EXT4_MAGIC))
		r = refuse(fs, "no superblock", -EINVAL);
	if (r == 0)
		r = ext4_features_check(fs, s);
	if (r == 0)
		r = ext4_geometry_load(fs, s);
	*damaged = r == 0 && s->state & EXT4_STATE_ERROR;
	kfree(s);
	return r;
}

/* Free blocks and inodes as the groups have them: what the superblock says may be of long ago. */
static int count_free(struct ext4 *fs, u64 *blocks, u64 *inodes)
{
	*blocks = *inodes = 0;
	for (u32 i = 0; i < fs->group_count; i++) {
		struct ext4_buffer *b;
		struct ext4_group *g;
		int r = ext4_group_get(fs, i, &b, &g);

		if (r != 0)
			return r;
		*blocks += ext4_group_free_blocks(fs, g);
		*inodes += ext4_group_free_inodes(fs, g);
		ext4_buffer_put(fs, b);
	}
	return 0;
}

/* Outside of operations: what was changed in the superblock is on the medium at once. */
static int write_super(struct ext4 *fs, struct ext4_buffer *b, struct ext4_super *s)
{
	int r;

	ext4_super_seal(fs, s);
	r = ext4_blocks_write(fs, b->block, b->data, 1);
	return r != 0 ? r : ext4_device_flush(fs);
}

static int mark_mounted(struct ext4 *fs)
{
	struct ext4_buffer *b;
	struct ext4_super *s;
	u64 blocks, inodes;
	int r = count_free(fs, &blocks, &inodes);

	if (r == 0)
		r = ext4_super_get(fs, &b, &s);
	if (r != 0)
		return r;
	ext4_super_set_free_blocks(s, blocks);
	s->free_inodes_count = (u32)inodes;
	s->mtime = s->wtime = ext4_now();
	s->mtime_hi = s->wtime_hi = 0;
	s->mnt_count++;
	if (fs->journal != NULL)
		s->feature_incompat |= EXT4_INCOMPAT_RECOVER;
	else
		s->state = (u16)(s->state & ~EXT4_STATE_VALID);
	if (fs->orphan_ino != 0)
		s->feature_ro_compat |= EXT4_RO_ORPHAN_PRESENT;
	r = write_super(fs, b, s);
	ext4_buffer_put(fs, b);
	return r;
}

static int mark_unmounted(struct ext4 *fs)
{
	struct ext4_buffer *b;
	struct ext4_super *s;
	int r = ext4_super_get(fs, &b, &s);

	if (r != 0)
		return r;
	s->wtime = ext4_now();
	s->wtime_hi = 0;
	s->feature_incompat &= ~(u32)EXT4_INCOMPAT_RECOVER;
	if (fs->orphan_ino != 0 && !fs->read_only)
		s->feature_ro_compat &= ~(u32)EXT4_RO_ORPHAN_PRESENT;
	s->state |= EXT4_STATE_VALID;
	r = write_super(fs, b, s);
	ext4_buffer_put(fs, b);
	return r;
}

static void only_read_damaged(struct ext4 *fs)
{
	log_printf("ext4: %s: read-only: it was found damaged before", fs->device->name);
	fs->read_only = true;
	fs->why = "it was found damaged before";
}

static int mark_damaged(struct ext4 *fs)
{
	struct ext4_buffer *b;
	struct ext4_super *s;
	int r = ext4_super_get(fs, &b, &s);

	if (r != 0)
		return r;
	s->state |= EXT4_STATE_ERROR;
	r = write_super(fs, b, s);
	ext4_buffer_put(fs, b);
	return r;
}

/*
 * What the journal was told about damage goes to the superblock, which is as the log had it. Other
 * errors of whoever wrote it end with the replay.
 */
static int settle_error(struct ext4 *fs, bool *damaged)
{
	int r = 0;

	if (ext4_journal_is_damaged(fs)) {
		*damaged = true;
		r = mark_damaged(fs);
	}
	return r != 0 ? r : ext4_journal_clear_error(fs);
}

/* What is on the medium is as it should be for writing: journal, superblock, orphans. */
static int prepare(struct ext4 *fs)
{
	bool damaged = false;
	int r = 0;

	if (fs->feature_compat & EXT4_COMPAT_HAS_JOURNAL)
		r = ext4_journal_open(fs);
	if (r == 0 && !fs->read_only)
		r = load(fs, &damaged);
	if (r == 0 && !fs->read_only)
		r = settle_error(fs, &damaged);
	if (r != 0)
		return r;
	fs->writing = true;
	if (damaged && !fs->read_only)
		only_read_damaged(fs);
	if (fs->read_only)
		return 0;
	r = mark_mounted(fs);
	if (r == 0)
		r = ext4_orphans_finish(fs);
	/* Damage that can be lived with for reading. */
	return r == -EIO && fs->read_only ? 0 : r;
}

/* A damaged volume, too, is as its journal says. */
static int mount(struct ext4 *fs)
{
	bool damaged, replay;
	int r = load(fs, &damaged);

	if (r != 0)
		return r;
	replay = ext4_has_incompat(fs, EXT4_INCOMPAT_RECOVER);
	if (fs->read_only && replay)
		return refuse(fs, "its journal has to be replayed, and it is read-only", -EROFS);
	if (damaged && !replay && !fs->read_only)
		only_read_damaged(fs);
	r = ext4_cache_create(fs);
	if (r == 0 && !fs->read_only)
		r = prepare(fs);
	return r;
}

static void release(struct ext4 *fs)
{
	if (fs->cache != NULL)
		ext4_cache_free(fs);
	kfree(fs);
}

int ext4_mount(struct block_device *d, bool read_only, struct ext4 **out)
{
	struct ext4 *fs = kzalloc(sizeof(*fs));
	int r;

	if (fs == NULL)
		return -ENOMEM;
	mutex_init(&fs->lock);
	list_init(&fs->nodes);
	fs->device = d;
	fs->read_only = read_only || d->limits.read_only;
	fs->why = d->limits.read_only ? "its device is" : read_only ? "it was mounted so" : NULL;
	mutex_lock(&fs->lock);
	r = mount(fs);
	if (r != 0 && fs->cache != NULL && fs->journal != NULL)
		(void)ext4_journal_close(fs);
	mutex_unlock(&fs->lock);
	if (r != 0)
		release(fs);
	else
		*out = fs;
	return r;
}

int ext4_stop(struct ext4 *fs)
{
	int r = 0;

	mutex_lock(&fs->lock);
	if (fs->writing) {
		r = ext4_journal_close(fs);
		if (r == 0)
			r = mark_unmounted(fs);
		fs->writing = false;
		fs->read_only = true;
		fs->why = "it was stopped";
	}
	mutex_unlock(&fs->lock);
	return r;
}

int ext4_unmount(struct ext4 *fs)
{
	int r = ext4_stop(fs);

	release(fs);
	return r;
}

void ext4_info_get(struct ext4 *fs, struct ext4_info *info)
{
	struct ext4_buffer *b;
	struct ext4_super *s;

	*info = (struct ext4_info){ .block_size = fs->block_size, .blocks = fs->blocks };
	mutex_lock(&fs->lock);
	info->inodes = fs->inodes;
	info->read_only = fs->read_only;
	info->why = fs->read_only ? fs->why : NULL;
	info->uncommitted = fs->uncommitted;
	if (ext4_super_get(fs, &b, &s) == 0) {
		u64 have = ext4_super_free_blocks(s);

		copy_label(info->label, s);
		memcpy(info->uuid, s->uuid, sizeof(info->uuid));
		info->free_blocks = have > fs->reserved ? have - fs->reserved : 0;
		info->free_inodes = s->free_inodes_count;
		ext4_buffer_put(fs, b);
	}
	mutex_unlock(&fs->lock);
}

int ext4_sync(struct ext4 *fs)
{
	int r = 0;

	mutex_lock(&fs->lock);
	if (fs->writing)
		r = ext4_commit(fs);
	mutex_unlock(&fs->lock);
	return r;
}

void ext4_on_change(struct ext4 *fs, void (*changed)(void *context), void *context)
{
	mutex_lock(&fs->lock);
	fs->changed = changed;
	fs->changed_context = context;
	if (fs->uncommitted && changed != NULL)
		changed(context);
	mutex_unlock(&fs->lock);
}
